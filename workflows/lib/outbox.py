"""
What a receiver of notifications has not got yet. A message is taken in once, and leaves only when the receiver took it,
or never will: a receiver that is unreachable gets everything later, in order. Pure; each outbox is one key of the
ConfigMap `notifications`, and the Events that `notify` creates have one too.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from lib import inputs, instant, notifications
from lib.notifications import Message

CAPACITY = 100  # messages; six outboxes of them fit into a ConfigMap
OVERDUE = 86400  # seconds for which a receiver fails before people are told
# Seconds that a Workflow or an Event may take to be seen, after the time that it names.
_DELAY = 900
# Events live for an hour. Whoever looks less often misses some.
_GAP = 3300
# A receiver that answers so may take the same message later.
_LATER = (408, 425, 429)


class Outbox(NamedTuple):
    """
    since: what happened before is not told, in seconds since 1970.
    read: when the cluster was last looked at, in seconds since 1970.
    freeze: the freeze that was last seen, as `notifications.freeze_state` says it.
    seen: messages that were taken in, with their times in seconds since 1970; those since `since`.
    waiting: what the receiver has not got, the oldest first.
    failing: since when it takes nothing, in seconds since 1970; 0: it does, or was not asked.
    told: problems that people were told of, and which last.
    """

    since: int
    read: int
    freeze: str
    seen: Mapping[str, int] = {}
    waiting: tuple[Message, ...] = ()
    failing: int = 0
    told: tuple[str, ...] = ()


class Taken(NamedTuple):
    """
    An outbox that has taken in what is new.

    dropped: how many of the oldest messages made room.
    has_gap: whether Events may have gone unseen.
    """

    outbox: Outbox
    dropped: int
    has_gap: bool


def begin(freeze: str, now: int) -> Outbox:
    """The outbox of a new receiver, which gets nothing old."""
    return Outbox(since=now, read=now, freeze=freeze)


def parse(text: str) -> Outbox | None:
    """An outbox as `write` left it; None for any other text."""
    try:
        found = Outbox(**json.loads(text))
        waiting = tuple(Message(*one) for one in found.waiting)
        times = (found.since, found.read, found.failing, *found.seen.values())
        is_one = all(isinstance(one, int) and 0 <= one < instant.END_OF_TIME for one in times)
        is_one = is_one and isinstance(found.freeze, str) and all(map(_is_message, waiting))
        return found._replace(waiting=waiting, told=tuple(found.told)) if is_one else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _is_message(one: Message) -> bool:
    texts = (one.id, one.sentence, one.time, one.source, one.environment or "", one.version or "")
    return all(isinstance(text, str) for text in texts) and one.trigger in inputs.TRIGGERS


def write(outbox: Outbox) -> str:
    """An outbox as text for a ConfigMap."""
    return json.dumps(outbox._asdict(), separators=(",", ":"))


def take_in(
    outbox: Outbox, found: Iterable[Message], freeze: Mapping[str, str], triggers: Collection[str], now: int
) -> Taken:
    """Takes in those messages of `triggers` that are new, in order of time, and the change of the freeze."""
    # After a clock that was ahead, a message that comes twice is better than none until that time.
    earliest = outbox.since if outbox.since <= now else now - _DELAY
    times = {message: instant.seconds(message.time) for message in found if message.trigger in triggers}
    new = {
        message: time
        for message, time in times.items()
        if time is not None and time >= earliest and message.id not in outbox.seen
    }
    change = notifications.of_freeze(outbox.freeze, freeze, now) if "frozen" in triggers else None
    if change:
        new[change] = instant.seconds(change.time)
    waiting = (*outbox.waiting, *sorted(new, key=lambda message: (new[message], message.id)))
    since = max(earliest, now - _DELAY)
    seen = {**outbox.seen, **{message.id: time for message, time in new.items()}}
    taken = outbox._replace(
        since=since,
        read=now,
        freeze=notifications.freeze_state(freeze),
        seen={name: time for name, time in seen.items() if time >= since},
        waiting=waiting[-CAPACITY:],
    )
    return Taken(taken, max(0, len(waiting) - CAPACITY), now - outbox.read > _GAP)


def answered(outbox: Outbox, status: int | None, now: int) -> Outbox:
    """The outbox after the receiver answered the oldest message with this status, None: it did not answer."""
    if is_delivered(status):
        return outbox._replace(waiting=outbox.waiting[1:], failing=0, told=())
    if is_refused(status):
        return outbox._replace(waiting=outbox.waiting[1:], failing=0)
    return outbox._replace(failing=outbox.failing or now)


def is_delivered(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def is_refused(status: int | None) -> bool:
    """Whether the receiver will never take this message, so that it may block no later one."""
    return status is not None and 400 <= status < 500 and status not in _LATER


def is_overdue(outbox: Outbox, now: int) -> bool:
    return outbox.failing > 0 and now - outbox.failing >= OVERDUE
