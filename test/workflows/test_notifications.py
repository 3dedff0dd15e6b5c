"""notifications.py: which messages follow from what the cluster shows, and how they are written and signed."""

import hashlib
import hmac
import json
import re
import time

import pytest

from conftest import WORKFLOWS
from lib import instant, notifications
from lib.inputs import FORMATS, TRIGGERS
from lib.notifications import Message

ENDED = "2026-01-05T10:00:00Z"


def workflow(template, outcome="", reason="why", parent=None, exit_handler=None, outputs=None, **arguments):
    """A Workflow that has ended, as the API server shows it."""
    parameters = {"outcome": outcome, "reason": reason, **(outputs or {})}
    if exit_handler:
        parameters |= {"exit-handler-outcome": exit_handler[0], "exit-handler-reason": exit_handler[1]}
    given = [{"name": name.replace("_", "-"), "value": value} for name, value in arguments.items()]
    return {
        "metadata": {
            "name": f"{template}-abc",
            "uid": f"uid-{template}",
            "labels": {"gourmetgram.io/parent": parent} if parent else {},
        },
        "spec": {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": given}},
        "status": {
            "phase": "Succeeded",
            "finishedAt": ENDED,
            "outputs": {"parameters": [{"name": name, "value": value} for name, value in parameters.items()]},
        },
    }


def event(reason, message, component="promotion-pipeline", kind="Application", name="gourmetgram-canary"):
    return {
        "metadata": {"name": f"{name}-x1", "uid": f"uid-{reason}"},
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "firstTimestamp": ENDED,
    }


def told(*workflows):
    return [(one.trigger, one.environment, one.version, one.sentence) for one in notifications.of_workflows(workflows)]


@pytest.mark.parametrize(
    "ended,message",
    [
        (
            workflow("train-model", "below_accuracy_bar", outputs={"version": "7"}),
            ("turned-away", None, "1.0.7", "why"),
        ),
        (workflow("test-staging", "reverted", model_version="7"), ("reverted", "staging", "1.0.7", "why")),
        (workflow("test-staging", "inconclusive", model_version="7"), ("reverted", "staging", "1.0.7", "why")),
        (workflow("test-staging", "held", model_version="7"), ("held", "staging", "1.0.7", "why")),
        (
            workflow("build-container-image", exit_handler=("inconclusive", "it was stopped"), model_version="7"),
            ("reverted", "staging", "1.0.7", "it was stopped"),
        ),
        (
            workflow("promote-model", "promoted", parent="test", target_environment="canary", model_version="7"),
            ("promoted", "canary", "1.0.7", "why"),
        ),
        (
            workflow("promote-model", "refused", target_environment="production", model_version="7"),
            ("turned-away", "production", "1.0.7", "why"),
        ),
        (
            workflow("revert-staging", "reverted", "staging is back on 1.0.6"),
            ("reverted", "staging", None, "staging is back on 1.0.6"),
        ),
    ],
)
def test_an_outcome_is_told(ended, message):
    assert told(ended) == [message]


@pytest.mark.parametrize(
    "ended",
    [
        workflow("promote-model", "refused", parent="test-staging-v7", model_version="7"),
        workflow("revert-staging", "reverted", "staging is back on 1.0.6", parent="test-staging-v7"),
        workflow("revert-staging", "reverted", "staging runs 1.0.6 already"),
        workflow("test-staging", "promoted", model_version="7"),
        workflow("test-staging", "broken", model_version="7"),
        workflow("collect-old-versions", "collected"),
        {"metadata": {"name": "a-person's", "uid": "1"}, "spec": {}, "status": {"finishedAt": ENDED}},
        {**workflow("test-staging", "held"), "status": {"phase": "Running"}},
    ],
)
def test_what_another_workflow_tells_or_what_changed_nothing_is_not(ended):
    assert told(ended) == []


def test_a_revert_says_that_it_changed_something_in_the_words_that_are_looked_for():
    source = (WORKFLOWS / "steps/revert.py").read_text()
    assert 'outputs.outcome("reverted", f"{outputs.BACK}{place}")' in source
    assert source.count('outputs.outcome("reverted"') == 2  # the other one is of `keep`


def test_events_of_the_pipeline_are_told():
    found = notifications.of_events(
        [
            event("Aborted", "1.0.7 was withdrawn: OOMKilled; canary is back on 1.0.6"),
            event("TrafficWithdrawn", "No user meets 1.0.7 in canary any more: OOMKilled"),
            event("VolumeNearlyFull", "MLflow is 81 % full", kind="PersistentVolumeClaim", name="mlflow-data"),
            event("PassWithdrawn", "1.0.7 lost its pass, and canary goes on serving it: OOMKilled"),
            event("DataDrift", "people send 1.0.7 other pictures than it learnt from"),
            event("VersionLost", "MLflow no longer has version 7, which canary serves: it goes on serving it"),
            event("ImageLost", "the registry had lost the image of 1.0.7, which is built again from its model"),
            event("UnknownRelease", "canary runs sha256:0, and nothing says by which release: it is left as it is"),
            event("Restored", "the alias canary was on version 3, and follows 1.0.7 again"),
            event("RecordRestored", "The experiment was deleted in MLflow, and is restored."),
            event("TrafficRestored", "the route had other rules: canary has 25 % of the users again"),
            event("PassInQuestion", "not among the triggers"),
            event("Aborted", "somebody else's", component="a-person"),
        ]
    )
    assert [(one.trigger, one.environment, one.version, one.source) for one in found] == [
        ("aborted", "canary", "1.0.7", "Event/gourmetgram-canary-x1"),
        ("withdrawn", "canary", "1.0.7", "Event/gourmetgram-canary-x1"),
        ("volume-full", None, None, "Event/mlflow-data-x1"),
        ("withdrawn", "canary", "1.0.7", "Event/gourmetgram-canary-x1"),
        ("drifted", "canary", "1.0.7", "Event/gourmetgram-canary-x1"),
        ("lost", "canary", None, "Event/gourmetgram-canary-x1"),
        ("lost", "canary", "1.0.7", "Event/gourmetgram-canary-x1"),
        ("lost", "canary", None, "Event/gourmetgram-canary-x1"),
        ("restored", "canary", "1.0.7", "Event/gourmetgram-canary-x1"),
        ("restored", "canary", None, "Event/gourmetgram-canary-x1"),
        ("restored", "canary", None, "Event/gourmetgram-canary-x1"),
    ]


FREEZE = {"who": "ada", "since": ENDED, "why": "exams"}


def test_a_freeze_is_told_when_it_begins_and_when_it_ends():
    state, now = notifications.freeze_state(FREEZE), instant.seconds("2026-01-05T11:00:00Z")
    begun, ended = notifications.of_freeze("", FREEZE, now), notifications.of_freeze(state, {}, now)
    assert begun.sentence.startswith(f"Promotions are frozen by ada since {ENDED}: exams.") and begun.time == ENDED
    assert (ended.sentence, ended.time) == ("Promotions are no longer frozen.", "2026-01-05T11:00:00Z")
    assert begun.id != ended.id and {begun.trigger, ended.trigger} == {"frozen"}
    assert notifications.of_freeze(state, FREEZE, now) is notifications.of_freeze("", {}, now) is None


def test_a_message_keeps_its_id():
    [first], [again] = (list(notifications.of_workflows([workflow("test-staging", "held")])) for _ in range(2))
    assert first.id == again.id and len(first.id) == 16


def test_every_trigger_comes_from_something():
    known = {*notifications._OF_WORKFLOWS.values(), *notifications._OF_EVENTS.values(), "frozen", "approval-wanted"}
    assert known == set(TRIGGERS)


def test_every_trigger_has_an_event_from_one_place():
    by_steps, by_notify = set(notifications._OF_EVENTS.values()), set(notifications.EVENT_REASONS)
    assert by_steps | by_notify == set(TRIGGERS) and not by_steps & by_notify


MESSAGE = Message("0a1b", "turned-away", "production", "1.0.7", "p95 <2 s> & more", ENDED, "Workflow/w")


def test_json_has_the_keys_that_the_documents_name():
    assert json.loads(notifications.body(MESSAGE, "json")) == {
        "id": "0a1b",
        "trigger": "turned-away",
        "environment": "production",
        "version": "1.0.7",
        "sentence": "p95 <2 s> & more",
        "time": ENDED,
        "source": "Workflow/w",
    }


def test_slack_gets_its_own_shape_and_no_markup_of_ours():
    shown = json.loads(notifications.body(MESSAGE, "slack"))
    assert shown["text"] == "*Turned away* production 1.0.7: p95 &lt;2 s&gt; &amp; more"
    assert [block["type"] for block in shown["blocks"]] == ["section", "context"]
    assert FORMATS == ("json", "slack")


def test_the_signature_is_what_a_receiver_computes():
    content = notifications.body(MESSAGE, "json")
    headers = notifications.headers(MESSAGE, content, b"key", 1767607200)
    signed = b"1767607200." + content
    assert headers["X-GourmetGram-Signature"] == "sha256=" + hmac.new(b"key", signed, hashlib.sha256).hexdigest()
    assert headers["X-GourmetGram-Id"] == "0a1b"
    assert "X-GourmetGram-Signature" not in notifications.headers(MESSAGE, content, None, 1767607200)


def test_the_check_that_the_documents_show_tells_what_is_genuine():
    page = (WORKFLOWS.parent / "docs/operate.md").read_text()
    known, content, now = {}, notifications.body(MESSAGE, "json"), int(time.time())
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1), known)
    is_genuine, headers = known["is_genuine"], notifications.headers(MESSAGE, content, b"key", now)
    assert is_genuine(b"key", headers, content)
    assert not is_genuine(b"another", headers, content) and not is_genuine(b"key", headers, content + b" ")
    assert not is_genuine(b"key", notifications.headers(MESSAGE, content, b"key", now - 3600), content)
    example = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL).group(1))
    assert list(example) == list(Message._fields)
    assert [trigger for trigger in TRIGGERS if f"| `{trigger}` |" not in page] == []
