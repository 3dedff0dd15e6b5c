"""windows.py: when the calendar allows promotions, and when it opens next."""

import datetime

import pytest

from lib.errors import InvalidInput
from lib.inputs import Window
from lib.windows import closed

BERLIN = "Europe/Berlin"
OFFICE = Window("office", "allow", ["production"], "0 9 * * 1-5", 8 * 60, BERLIN, "people are there")
NIGHT = Window("night", "deny", ["production"], "30 2 * * *", 60, BERLIN, "")
EXAMS = Window("exams", "deny", ["production", "canary"], "0 0 2 2 *", 3 * 24 * 60, "UTC", "")


def at(text):
    return datetime.datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    "windows, environment, now",
    [
        ((), "production", "2026-01-31T03:00:00+00:00"),
        ((OFFICE,), "production", "2026-01-30T08:00:00+00:00"),  # Friday, 9:00 in Berlin
        ((OFFICE,), "production", "2026-01-30T15:59:59+00:00"),
        ((OFFICE,), "canary", "2026-01-31T03:00:00+00:00"),  # the window concerns production alone
        ((EXAMS,), "canary", "2026-02-05T00:00:00+00:00"),
        ((OFFICE, EXAMS), "production", "2026-02-05T08:00:00+00:00"),
        ((OFFICE, OFFICE._replace(name="night", schedule="0 2 * * *")), "production", "2026-01-31T03:00:00+00:00"),
        # On the 25th of October, it is from 2:00 to 3:00 twice in Berlin, the first time until 1:00 UTC.
        ((NIGHT,), "production", "2026-10-25T00:29:59+00:00"),
        ((NIGHT,), "production", "2026-10-25T01:30:00+00:00"),
        ((NIGHT._replace(schedule="0 3 * * *"),), "production", "2026-10-25T01:30:00+00:00"),
        # On the 29th of March, it is 3:00 there after 1:59.
        ((NIGHT,), "production", "2026-03-29T00:59:59+00:00"),
        ((NIGHT,), "production", "2026-03-29T02:00:00+00:00"),
    ],
)
def test_the_calendar_is_open(windows, environment, now):
    assert closed(windows, environment, at(now)) is None


@pytest.mark.parametrize(
    "windows, now, because, opens",
    [
        (
            (OFFICE,),
            "2026-01-30T16:00:00+00:00",
            "outside of the window office (people are there)",
            "2026-02-02T08:00:00Z",
        ),
        (
            (OFFICE,),
            "2026-01-30T07:59:59+00:00",
            "outside of the window office (people are there)",
            "2026-01-30T08:00:00Z",
        ),
        # One that denies wins, and ends at midnight, when no office hours are.
        ((OFFICE, EXAMS), "2026-02-02T10:00:00+00:00", "by the window exams", "2026-02-05T08:00:00Z"),
        ((EXAMS,), "2026-02-02T00:00:00+00:00", "by the window exams", "2026-02-05T00:00:00Z"),
        # Clocks are put forward in Berlin on the 29th of March.
        (
            (OFFICE,),
            "2026-03-28T12:00:00+00:00",
            "outside of the window office (people are there)",
            "2026-03-30T07:00:00Z",
        ),
        ((NIGHT,), "2026-03-29T01:00:00+00:00", "by the window night", "2026-03-29T02:00:00Z"),
        ((NIGHT,), "2026-03-29T01:59:59+00:00", "by the window night", "2026-03-29T02:00:00Z"),
        # They are put back there on the 25th of October.
        ((NIGHT,), "2026-10-25T00:30:00+00:00", "by the window night", "2026-10-25T01:30:00Z"),
        ((NIGHT,), "2026-10-25T01:15:00+00:00", "by the window night", "2026-10-25T01:30:00Z"),
        (
            (NIGHT._replace(kind="allow", minutes=30),),
            "2026-10-25T01:15:00+00:00",
            "outside of the window night",
            "2026-10-26T01:30:00Z",
        ),
    ],
)
def test_it_is_closed_and_says_when_it_opens(windows, now, because, opens):
    assert closed(windows, "production", at(now)) == (
        f"Promotions to production are closed {because}. They open at {opens}."
    )


def test_it_says_that_it_does_not_open():
    always = Window("always", "deny", ["production"], "0 0 * * *", 24 * 60, "UTC", "the course is over")
    assert closed((always,), "production", at("2026-01-30T16:00:00+00:00")) == (
        "Promotions to production are closed by the window always (the course is over). No opening is in sight."
    )


def test_a_window_of_every_minute_is_looked_at_in_bounds():
    every = Window("every", "deny", ["production"], "* * * * *", 10080, "UTC", "")
    sentence = closed((every, OFFICE), "production", at("2026-01-30T10:00:00+00:00"))
    assert sentence.endswith("by the window every. No opening is in sight.")


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "0 0 30 2 */2"},
        {"schedule": "/5 2 * * *"},
        {"schedule": "soon"},
        {"zone": "Europe/Atlantis"},
        {"zone": "../../etc/passwd"},
        {"zone": ""},
    ],
)
def test_a_window_that_nobody_understands_lets_nothing_through(changes):
    window = NIGHT._replace(**changes)
    with pytest.raises(InvalidInput) as refused:
        closed((OFFICE, window), "production", at("2026-01-30T10:00:00+00:00"))
    assert str(refused.value) == (
        f"The window night begins at '{window.schedule}' in '{window.zone}', which nobody understands: "
        "write pipeline.windows.night anew, and run pulumi up."
    )
    assert closed((OFFICE, window), "canary", at("2026-01-30T10:00:00+00:00")) is None, "it does not concern canary"
