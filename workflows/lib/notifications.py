"""
What people are told of the pipeline, by webhook and by Event: which messages follow from what the cluster shows, which
Event a message becomes, and how it is written and signed for a webhook. Pure: `lib/outbox.py` keeps what is not
delivered yet, `steps/notify.py` reads and sends.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from lib import constants, events, freeze, instant, outputs

# Template and outcome of a Workflow that has ended. One run of the pipeline reports an outcome once: what the Workflow
# that it waits for says is not here.
_OF_WORKFLOWS = {
    ("train-model", "below_accuracy_bar"): "turned-away",
    ("build-container-image", "inconclusive"): "reverted",
    ("test-staging", "reverted"): "reverted",
    ("test-staging", "inconclusive"): "reverted",
    ("test-staging", "held"): "held",
    ("promote-model", "promoted"): "promoted",
    ("promote-model", "refused"): "turned-away",
    ("revert-staging", "reverted"): "reverted",
}
# Reasons of the Events that other steps create where it happens. Such a message is told by its Event already.
_OF_EVENTS = {
    "Aborted": "aborted",
    "TrafficWithdrawn": "withdrawn",
    "PassWithdrawn": "withdrawn",
    "VersionLost": "lost",
    "ImageLost": "lost",
    "UnknownRelease": "lost",
    "Restored": "restored",
    "RecordRestored": "restored",
    "TrafficRestored": "restored",
    "DataDrift": "drifted",
    "VolumeNearlyFull": "volume-full",
}
# Reasons of the Events that `notify` creates, of all other triggers.
EVENT_REASONS = {
    "turned-away": "TurnedAway",
    "reverted": "Reverted",
    "held": "Held",
    "promoted": "Promoted",
    "approval-wanted": "ApprovalWanted",
    "frozen": "Frozen",
}

_SENTENCE = 400  # characters of a message's sentence, so that an outbox fits into its ConfigMap
_APP_VERSION = re.compile(r"\b1\.0\.[1-9][0-9]{0,8}\b", re.ASCII)

KubernetesObject = dict[str, Any]


class Message(NamedTuple):
    """
    What a receiver gets.

    id: 16 hexadecimal digits, the same whenever the message is sent again.
    trigger: one of `inputs.TRIGGERS`.
    environment, version: what it is about, as `canary` and `1.0.7`; None where it is about none.
    sentence: at most 400 printable ASCII characters.
    time: when it happened, UTC to the second.
    source: kind and name of the object that says so, as `Workflow/test-staging-v7-0a1b2c`.
    """

    id: str
    trigger: str
    environment: str | None
    version: str | None
    sentence: str
    time: str
    source: str


def of_workflows(workflows: Iterable[KubernetesObject]) -> Iterator[Message]:
    """The messages of Workflows that have ended."""
    for workflow in workflows:
        metadata, status = workflow["metadata"], workflow.get("status", {})
        template = workflow["spec"].get("workflowTemplateRef", {}).get("name", "")
        outcome, reason = _output(status, "outcome"), _output(status, "reason")
        trigger = _OF_WORKFLOWS.get((template, outcome))
        if not trigger or not status.get("finishedAt") or _is_told_elsewhere(template, outcome, reason, metadata):
            continue
        yield Message(
            _identity("workflow", metadata["uid"], trigger),
            trigger,
            _environment(template, workflow),
            _version(template, workflow),
            outputs.clean(reason or outcome, _SENTENCE),
            status["finishedAt"],
            f"Workflow/{metadata['name']}",
        )


def _is_told_elsewhere(template: str, outcome: str, reason: str, metadata: KubernetesObject) -> bool:
    """Whether the Workflow that started this one reports its outcome, or nothing was changed."""
    is_child = constants.PARENT in metadata.get("labels", {})
    if template == "revert-staging":
        return is_child or not reason.startswith(outputs.BACK)
    return is_child and (template, outcome) == ("promote-model", "refused")


def of_events(events: Iterable[KubernetesObject]) -> Iterator[Message]:
    """The messages of Events that the pipeline created; those of anybody else say nothing."""
    for event in events:
        trigger, involved = _OF_EVENTS.get(event.get("reason", "")), event.get("involvedObject", {})
        created_by = event.get("source", {}).get("component")
        if not trigger or created_by != constants.FIELD_MANAGER or not event.get("firstTimestamp"):
            continue
        sentence = outputs.clean(event.get("message", ""), _SENTENCE)
        is_environment = involved.get("kind") == "Application"
        version = _APP_VERSION.search(sentence)
        yield Message(
            _identity("event", event["metadata"]["uid"], trigger),
            trigger,
            constants.environment(involved["name"]) if is_environment else None,
            version.group() if version else None,
            sentence,
            event["firstTimestamp"],
            f"Event/{event['metadata']['name']}",
        )


def of_approvals(approvals: Iterable[KubernetesObject]) -> Iterator[Message]:
    """The messages of requests that wait for people."""
    for approval in approvals:
        metadata, spec = approval["metadata"], approval["spec"]
        if approval.get("status", {}).get("phase", "Waiting") != "Waiting":
            continue
        number = spec["version"].rpartition(".")[2]
        command = f'npm run approve -- {number} {spec["target"]} --message "<why>"'
        wanted = f"{spec['requestedBy']} asks to promote {spec['version']} to {spec['target']}"
        urgent = f", in an emergency: {spec['emergency']}" if spec["emergency"] else ""
        yield Message(
            _identity("approval", metadata["uid"]),
            "approval-wanted",
            spec["target"],
            spec["version"],
            outputs.clean(f"{wanted}{urgent}. To approve it until {spec['expiresAt']}: {command}", _SENTENCE),
            metadata["creationTimestamp"],
            f"Approval/{metadata['name']}",
        )


def of_freeze(before: str, data: Mapping[str, str], now: int) -> Message | None:
    """
    The message of a freeze that began or ended since it was last looked at. `before`: what `freeze_state` said then;
    `now`: seconds since 1970, when the end of a freeze is seen, which leaves no other trace.
    """
    state = freeze_state(data)
    if state == before:
        return None
    since = data.get("since", "")
    return Message(
        _identity("freeze", state or f"end of {before}"),
        "frozen",
        None,
        None,
        outputs.clean(freeze.sentence(data) if state else "Promotions are no longer frozen.", _SENTENCE),
        since if state and instant.seconds(since) is not None else instant.timestamp(now),
        f"ConfigMap/{constants.FREEZE}",
    )


def freeze_state(data: Mapping[str, str]) -> str:
    """Tells one freeze from another; empty without one. Of what a person wrote, as much as fits into an outbox."""
    return outputs.clean(f"{data.get('since')} {data.get('who')}", _SENTENCE) if data else ""


def involved(message: Message) -> dict[str, str]:
    """What the Event of a message is about: the environment's Application, or without one the object that says it."""
    if message.environment:
        return events.application(message.environment)
    kind, _, name = message.source.partition("/")
    version = "argoproj.io/v1alpha1" if kind == "Workflow" else "v1"
    return {"apiVersion": version, "kind": kind, "name": name, "namespace": constants.ARGO_NAMESPACE}


def event_type(message: Message) -> str:
    """`Normal` where a version went on, `Warning` where somebody may have to act."""
    return "Normal" if message.trigger == "promoted" else "Warning"


def _identity(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]


def _output(status: KubernetesObject, name: str) -> str:
    """A global output parameter of a Workflow. The exit handler's comes first, since it ran last."""
    found = {one["name"]: one.get("value") for one in status.get("outputs", {}).get("parameters", [])}
    return found.get(f"exit-handler-{name}") or found.get(name) or ""


def _environment(template: str, workflow: KubernetesObject) -> str | None:
    if template == "train-model":
        return None
    return _argument(workflow, "target-environment") if template == "promote-model" else constants.STAGING


def _version(template: str, workflow: KubernetesObject) -> str | None:
    if template == "train-model":
        number = _output(workflow["status"], "version")
    else:
        number = _argument(workflow, "failed-version" if template == "revert-staging" else "model-version")
    return constants.app_version(number) if number else None


def _argument(workflow: KubernetesObject, name: str) -> str | None:
    given = workflow["spec"].get("arguments", {}).get("parameters", [])
    return next((str(one["value"]) for one in given if one["name"] == name and one.get("value")), None)


def body(message: Message, form: str) -> bytes:
    """What is sent of a message, in one of `inputs.FORMATS`."""
    content = message._asdict() if form == "json" else _for_slack(message)
    return json.dumps(content, separators=(",", ":")).encode()


def _for_slack(message: Message) -> KubernetesObject:
    """The shape of Slack's incoming webhooks: `text` is what a phone shows, `blocks` what the channel shows."""
    title = message.trigger.replace("-", " ").capitalize()
    about = " ".join(filter(None, (message.environment, message.version)))
    heading = f"*{title}*" + (f" {about}" if about else "")
    sentence = message.sentence.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    context = f"{message.time} | {message.source} | {message.id}"
    return {
        "text": f"{heading}: {sentence}",
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": f"{heading}\n{sentence}"}},
            {"type": "context", "elements": [{"type": "plain_text", "text": context}]},
        ],
    }


def headers(message: Message, content: bytes, key: bytes | None, now: int) -> dict[str, str]:
    """The headers of a message that is sent at `now`, in seconds since 1970; signed where there is a key."""
    found = {
        "Content-Type": "application/json",
        "User-Agent": "gourmetgram-pipeline",
        "X-GourmetGram-Id": message.id,
        "X-GourmetGram-Timestamp": str(now),
    }
    if key is None:
        return found
    signed = hmac.new(key, f"{now}.".encode() + content, hashlib.sha256).hexdigest()
    return {**found, "X-GourmetGram-Signature": f"sha256={signed}"}
