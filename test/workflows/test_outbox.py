"""outbox.py: a message is taken in once, and leaves when it is delivered or never will be."""

import json

import pytest

from lib import instant, notifications, outbox
from lib.inputs import TRIGGERS
from lib.notifications import Message
from lib.outbox import Outbox

NOW = instant.seconds("2026-01-05T10:00:00Z")


def message(name, at=NOW, trigger="held"):
    return Message(name, trigger, "staging", "1.0.7", "why", instant.timestamp(at), "Workflow/w")


def take(box, *found, now=NOW, freeze=None, triggers=TRIGGERS):
    return outbox.take_in(box, found, freeze or {}, triggers, now)


def waiting(box):
    return [one.id for one in box.waiting]


def test_a_new_receiver_gets_nothing_old():
    box = outbox.begin("", NOW)
    assert waiting(take(box, message("old", NOW - 1), message("new", NOW), now=NOW + 60).outbox) == ["new"]


def test_what_was_taken_in_is_not_taken_in_again_whatever_became_of_it():
    found = [message("a"), message("b", NOW + 1)]
    box = take(outbox.begin("", NOW), *found, now=NOW + 60).outbox
    box = outbox.answered(box, 200, NOW + 61)
    later = take(box, *found, now=NOW + 120).outbox
    assert waiting(later) == ["b"]
    much_later = take(later, *found, now=NOW + 3000).outbox
    assert waiting(take(much_later, *found, now=NOW + 3060).outbox) == ["b"]


def test_what_is_seen_late_is_told():
    box = take(outbox.begin("", NOW), message("a", NOW + 100), now=NOW + 120).outbox
    assert waiting(take(box, message("late", NOW + 50), now=NOW + 180).outbox) == ["a", "late"]


def test_messages_wait_in_the_order_of_time():
    found = [message("b", NOW + 2), message("a", NOW + 2), message("c", NOW + 1)]
    assert waiting(take(outbox.begin("", NOW), *found, now=NOW + 60).outbox) == ["c", "a", "b"]


def test_a_receiver_gets_its_triggers_alone():
    found = [message("a"), message("b", trigger="promoted")]
    assert waiting(take(outbox.begin("", NOW), *found, triggers=("promoted",)).outbox) == ["b"]


def test_a_freeze_is_told_once_and_so_is_its_end():
    data = {"who": "ada", "since": instant.timestamp(NOW + 5), "why": "exams"}
    box = take(outbox.begin("", NOW), freeze=data, now=NOW + 60).outbox
    assert len(take(box, freeze=data, now=NOW + 120).outbox.waiting) == 1
    box = take(box, now=NOW + 180).outbox
    assert [one.sentence[:24] for one in box.waiting] == ["Promotions are frozen by", "Promotions are no longer"]


def test_a_freeze_that_a_receiver_does_not_want_is_not_told_later():
    data = {"who": "ada", "since": instant.timestamp(NOW), "why": "exams"}
    box = take(outbox.begin("", NOW), freeze=data, triggers=("held",)).outbox
    assert take(box, freeze=data).outbox.waiting == ()


@pytest.mark.parametrize("status", [None, 500, 503, 302, 408, 425, 429])
def test_a_message_that_was_not_taken_stays(status):
    box = take(outbox.begin("", NOW), message("a"), message("b", NOW + 1)).outbox
    after = outbox.answered(box, status, NOW + 60)
    assert (waiting(after), after.failing) == (["a", "b"], NOW + 60)
    assert outbox.answered(after, status, NOW + 120).failing == NOW + 60


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
def test_a_message_that_is_never_taken_blocks_no_later_one(status):
    box = take(outbox.begin("", NOW), message("a"), message("b", NOW + 1)).outbox
    assert waiting(outbox.answered(box, status, NOW)) == ["b"]
    assert outbox.is_refused(status) and not outbox.is_delivered(status)


def test_a_receiver_that_takes_something_again_has_no_problem():
    box = Outbox(NOW, NOW, "", waiting=(message("a"),), failing=NOW - 90000, told=("overdue",))
    assert outbox.is_overdue(box, NOW) and not outbox.is_overdue(box, NOW - 90000 + outbox.OVERDUE - 1)
    assert outbox.answered(box, 204, NOW)[4:] == ((), 0, ())


def test_the_newest_stay_in_an_outbox_that_is_full():
    found = [message(f"{number:03}", NOW + number) for number in range(outbox.CAPACITY + 3)]
    taken = take(outbox.begin("", NOW), *found, now=NOW + 300)
    assert taken.dropped == 3 and waiting(taken.outbox)[0] == "003" and len(taken.outbox.waiting) == outbox.CAPACITY


def test_a_gap_in_which_events_may_have_gone_is_known():
    box = outbox.begin("", NOW)
    assert not take(box, now=NOW + 600).has_gap and take(box, now=NOW + 3600).has_gap


def test_an_outbox_is_read_as_it_was_written():
    box = take(outbox.begin("x", NOW), message("a"), now=NOW + 60).outbox._replace(told=("overdue",))
    assert outbox.parse(outbox.write(box)) == box


def by_hand(**fields):
    """An outbox with fields that a person changed."""
    return json.dumps({**outbox.begin("", NOW)._asdict(), **fields})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"since": "x", "read": 1, "freeze": ""}',
        '{"since": 1}',
        by_hand(waiting=[[1, "held", None, None, "why", "2026-01-05T10:00:00Z", "Workflow/w"]]),
        by_hand(waiting=[["a", "unheard-of", None, None, "why", "2026-01-05T10:00:00Z", "Workflow/w"]]),
        by_hand(freeze=1),
        by_hand(read=-(10**20)),
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_an_outbox_that_a_person_wrote_is_none(text):
    assert outbox.parse(text) is None


def test_a_clock_that_was_ahead_hides_nothing_thereafter():
    ahead = take(outbox.begin("", NOW), now=NOW + 86400).outbox
    after = take(ahead, message("a", NOW + 60), now=NOW + 120).outbox
    assert waiting(after) == ["a"] and waiting(take(after, message("a", NOW + 60), now=NOW + 180).outbox) == ["a"]


def test_six_full_outboxes_fit_into_a_configmap():
    largest = Message("0" * 16, "turned-away", "e" * 30, "1.0.123456789", '"' * 400, "2026-01-05T10:00:00Z", "W" * 253)
    freeze = notifications.freeze_state({"who": "w" * 10**6, "since": "now"})
    box = Outbox(NOW, NOW, freeze, waiting=(largest,) * outbox.CAPACITY)
    assert 6 * len(outbox.write(box)) < 900_000
