"""past_passes.py: what the releases show of versions that MLflow no longer has."""

import pytest

from conftest import digest
from lib import past_passes
from lib.last_release import LastRelease, Served
from lib.release_log import Recorded


def serves(number):
    return Served("base" if number == "base" else f"1.0.{number}", digest(number))


def record(action, environment, number, at, about=None):
    """A release that came to its end, or with `at` None has not."""
    served = None if at is None else serves(number)
    version = f"1.0.{about or number}"
    return Recorded(environment, served, at or 0, at is not None, frozenset(), action, version)


CANARY = record("promote", "canary", 5, at=2)


@pytest.mark.parametrize(
    ("records", "held", "good"),
    [
        ([], [], []),
        ([record("deploy", "staging", 5, at=1)], [], []),
        ([CANARY], [], [5]),
        ([record("revert", "staging", 5, at=1)], [], [5]),
        ([record("restore", "production", 5, at=1)], [], [5]),
        ([record("revert", "staging", "base", at=1), record("restore", "canary", "base", at=2)], [], []),
        ([CANARY, record("promote", "canary", 6, at=3), record("promote", "production", 5, at=4)], [], [5, 6]),
        ([CANARY], [LastRelease(serves(7), 1), LastRelease(serves(8), 3), LastRelease(serves("base"), 4)], [8, 5, 7]),
        # Withdrawn from canary, and an abort that has not ended.
        ([CANARY, record("abort", "canary", 4, at=3, about=5)], [], [4]),
        ([CANARY, record("abort", "canary", 4, at=None, about=5)], [], []),
        ([CANARY], [LastRelease(serves(5), 2)], [5]),
        ([CANARY, record("abort", "canary", 4, at=3, about=5)], [LastRelease(serves(5), 2)], [4]),
        # Promoted again since.
        ([record("abort", "canary", 4, at=1, about=5), CANARY], [], [5, 4]),
        # Reverted from in staging, where it was tested again.
        ([CANARY, record("deploy", "staging", 5, at=3), record("revert", "staging", "base", at=4)], [], []),
        ([CANARY, record("deploy", "staging", 5, at=3), record("revert", "staging", 5, at=4)], [], [5]),
        ([CANARY, record("deploy", "staging", 5, at=3), record("deploy", "staging", 6, at=4)], [], [5]),
        ([record("deploy", "staging", 5, at=0), record("revert", "staging", 4, at=1), CANARY], [], [5, 4]),
    ],
)
def test_what_staging_may_go_back_to(records, held, good):
    assert past_passes.good(records, held) == [serves(number) for number in good]
    assert past_passes.good(records[::-1], held) == [serves(number) for number in good]


def test_a_version_that_was_withdrawn_had_passed():
    records = [CANARY, record("abort", "canary", "base", at=3, about=5)]
    assert past_passes.good(records, []) == []
    assert past_passes.shown(records, []) == [LastRelease(serves(5), 2)]
