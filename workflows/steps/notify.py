"""
Tells people what happened since the last run, by Event and, in a stack with receivers, by webhook: each in its own
order and for its own triggers. One try a run: the schedule is the retry. A receiver that is unreachable keeps nobody
else waiting, and gets everything later.
"""

import json
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lib import approval, constants, events, freeze, http_client, inputs, instant, kubectl, notifications, outbox, step
from lib.errors import StepFailed, Unavailable
from lib.inputs import Receiver
from lib.notifications import Message
from lib.outbox import Outbox

MESSAGES = 50  # to a receiver in one run
SECONDS = 60  # in which a receiver gets messages in one run
TIMEOUT = 10  # seconds for one answer
# The outbox of the Events. No receiver can have this name.
EVENTS = "_events"
_URL = re.compile(r"https?://[!-~]+", re.ASCII)


class Address(NamedTuple):
    """Where a receiver is, and the key that its messages are signed with."""

    url: str
    key: bytes | None


class BadSecret(Exception):
    """A receiver's Secret is not there, or does not hold what it should; the message says what to do."""


class Facts(NamedTuple):
    """What the cluster shows: messages of what happened, and the freeze."""

    found: list[Message]
    freeze: Mapping[str, str]


class Outboxes:
    """The ConfigMap of the outboxes. A change that somebody else made at the same time is not overwritten."""

    def __init__(self) -> None:
        try:
            read = kubectl.get("configmaps", constants.NOTIFICATIONS, constants.ARGO_NAMESPACE)
        except kubectl.NotFound:
            lost = f"The ConfigMap {constants.NOTIFICATIONS} in {constants.ARGO_NAMESPACE} is not there"
            raise StepFailed(f"{lost}: run npm start, or pulumi up. What waited in it is lost.") from None
        self.texts: dict[str, str | None] = read.get("data") or {}
        self._version = read["metadata"]["resourceVersion"]

    def write(self, name: str, box: Outbox | None) -> None:
        """Keeps an outbox; None takes it away. Raises Unavailable where the ConfigMap was changed meanwhile."""
        text = outbox.write(box) if box else None
        if text == self.texts.get(name):
            return
        patched = kubectl.run(
            "patch",
            "configmaps",
            constants.NOTIFICATIONS,
            "--namespace",
            constants.ARGO_NAMESPACE,
            "--type",
            "merge",
            "--field-manager",
            constants.FIELD_MANAGER,
            "--patch-file",
            "/dev/stdin",
            "--output",
            "json",
            stdin=json.dumps({"metadata": {"resourceVersion": self._version}, "data": {name: text}}),
        )
        self._version = json.loads(patched)["metadata"]["resourceVersion"]
        self.texts = {**self.texts, name: text}


def main() -> None:
    settings = inputs.receivers()
    boxes, facts = Outboxes(), look(settings.namespaces)
    for name in sorted(boxes.texts.keys() - settings.receivers.keys() - {EVENTS}):
        boxes.write(name, None)
    create_events(boxes, facts)
    for name, receiver in settings.receivers.items():
        serve(name, receiver, boxes, facts)


def look(namespaces: tuple[str, ...]) -> Facts:
    """Reads what happened. Argo labels a Workflow that has ended."""
    ended = kubectl.list_objects(
        "workflows.argoproj.io", constants.ARGO_NAMESPACE, "workflows.argoproj.io/completed=true"
    )
    created = [event for namespace in namespaces for event in kubectl.list_events(namespace, constants.FIELD_MANAGER)]
    asked = kubectl.list_objects(approval.KIND, constants.ARGO_NAMESPACE)
    found = [
        *notifications.of_workflows(ended),
        *notifications.of_events(created),
        *notifications.of_approvals(asked),
    ]
    return Facts(found, freeze.read())


def create_events(boxes: Outboxes, facts: Facts) -> None:
    """
    Creates an Event for each message that no step has created one for. If the API server is unreachable, they wait for
    the next run. One that it refuses is skipped.
    """
    state = notifications.freeze_state(facts.freeze)
    box = outbox.parse(boxes.texts.get(EVENTS) or "") or outbox.begin(state, now())
    box = outbox.take_in(box, facts.found, facts.freeze, notifications.EVENT_REASONS, now()).outbox
    boxes.write(EVENTS, box)
    created = 0
    for message in box.waiting:
        try:
            created += create_event(message)
        except Unavailable as failure:
            print(f"Events wait: {failure}", file=sys.stderr)
            break
        box = box._replace(waiting=box.waiting[1:])
        boxes.write(EVENTS, box)
    print(f"Events: {created} created, {len(box.waiting)} wait.", flush=True)


def create_event(message: Message) -> bool:
    """Creates the Event of a message, once; returns whether it is there. Raises Unavailable."""
    about, reason = notifications.involved(message), notifications.EVENT_REASONS.get(message.trigger)
    if reason is None:  # of an earlier release of the pipeline, or by hand: such a message has an Event already
        return False
    # A run that was interrupted before it wrote its outbox comes to the same name.
    metadata = {"name": f"{about['name']}.{message.id}"}
    try:
        events.write(about, metadata, notifications.event_type(message), reason, message.sentence, message.time)
    except kubectl.AlreadyExists:
        pass
    except StepFailed as failure:
        print(f"No Event was created: {failure}", file=sys.stderr)
        return False
    return True


def serve(name: str, receiver: Receiver, boxes: Outboxes, facts: Facts) -> None:
    """Takes in what is new for a receiver, and sends what waits."""
    box = take_in(name, receiver, boxes.texts.get(name), facts)
    boxes.write(name, box)
    try:
        address = read_address(name)
    except BadSecret as problem:
        boxes.write(name, tell(name, box, "secret", "ReceiverUnknown", str(problem)))
        print(f"{name}: {problem} {len(box.waiting)} wait.", flush=True)
        return
    box, sent, said = send(name, receiver, address, box, boxes)
    if outbox.is_overdue(box, now()):
        since = instant.timestamp(box.failing)
        sentence = f"The receiver {name} has taken nothing since {since}: {said}. Its Secret may name another url."
        boxes.write(name, tell(name, box, "overdue", "NotificationsOverdue", sentence))
    print(f"{name}: {sent} sent, {len(box.waiting)} wait{f': {said}' if said else ''}.", flush=True)


def take_in(name: str, receiver: Receiver, text: str | None, facts: Facts) -> Outbox:
    """The receiver's outbox with what is new; says what is lost."""
    box = outbox.parse(text) if text is not None else None
    if box is None:
        box = outbox.begin(notifications.freeze_state(facts.freeze), now())
        if text is not None:
            lost = f"The outbox of {name} could not be read, and begins anew: what waited in it is lost."
            warn("NotificationsLost", lost)
    taken = outbox.take_in(box, facts.found, facts.freeze, receiver.triggers, now())
    if taken.has_gap:
        since = instant.timestamp(box.read)
        gap = f"Nobody looked since {since}: {name} may miss Events, which live for an hour."
        warn("NotificationsLost", gap)
    if taken.dropped:
        full = f"{name} takes nothing, and its outbox is full: the oldest of {outbox.CAPACITY} messages make room."
        return tell(name, taken.outbox, "full", "NotificationsLost", full)
    return taken.outbox


def send(name: str, receiver: Receiver, address: Address, box: Outbox, boxes: Outboxes) -> tuple[Outbox, int, str]:
    """
    Sends the oldest messages until one is not taken; returns the outbox, how many the receiver took, and why it took
    no more, if it did not.
    """
    sent, said, refused, end = 0, "", [], time.monotonic() + SECONDS
    for message in box.waiting[:MESSAGES]:
        if said or time.monotonic() >= end:
            break
        status, answer = post(receiver, address, message)
        box = outbox.answered(box, status, now())
        boxes.write(name, box)
        if outbox.is_delivered(status):
            sent += 1
        elif outbox.is_refused(status):
            refused.append(f"{message.id} ({message.trigger}, {answer})")
        else:
            said = answer
    if refused:
        sentence = f"The receiver {name} will never take {', '.join(refused)}: skipped, so that later ones come."
        print(sentence, flush=True)
        warn("NotificationRefused", sentence)
    return box, sent, said


def post(receiver: Receiver, address: Address, message: Message) -> tuple[int | None, str]:
    """Status of the receiver's answer, None without one; and both in words."""
    content = notifications.body(message, receiver.format)
    try:
        headers = notifications.headers(message, content, address.key, now())
        status = http_client.post(address.url, content, headers, TIMEOUT)
    except http_client.Unreachable as failure:
        return None, f"no answer ({failure})"
    return status, f"it answered with status {status}"


def read_address(name: str) -> Address:
    """What the receiver's Secret holds, which is mounted as files. Raises BadSecret, without the contents."""
    folder = Path(inputs.raw("RECEIVERS_FOLDER") or "/receivers", name)
    url, key = (_text(folder / file) for file in ("url", "signing-key"))
    remedy = f"write the Secret that pipeline.notifications.{name}.secret names, with"
    if url is None or not _URL.fullmatch(url):
        what = "no url" if url is None else "a url that is not one with http:// or https://"
        raise BadSecret(f"The Secret of the receiver {name} has {what}: {remedy} the key url.")
    if key == "":
        raise BadSecret(f"The Secret of the receiver {name} has an empty signing-key: {remedy} a key, or without it.")
    return Address(url, key.encode() if key else None)


def _text(file: Path) -> str | None:
    """A file without the spaces and line breaks around it; None where it is not there."""
    return file.read_text("utf-8", "replace").strip() if file.exists() else None


def tell(name: str, box: Outbox, problem: str, reason: str, sentence: str) -> Outbox:
    """Tells people of a problem once, until the receiver takes something again; returns the outbox that says so."""
    if problem in box.told or not warn(reason, sentence):
        return box
    print(sentence, file=sys.stderr)
    return box._replace(told=(*box.told, problem))


def warn(reason: str, sentence: str) -> bool:
    """Creates an Event on the ConfigMap of the outboxes; returns whether that was possible."""
    involved = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": constants.NOTIFICATIONS,
        "namespace": constants.ARGO_NAMESPACE,
    }
    return events.try_create(involved, reason, sentence)


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


if __name__ == "__main__":
    step.run(main)
