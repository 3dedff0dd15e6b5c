"""
How long an environment took to serve again what it should, for the metric. `lib/delivery.ts` has the same definition
for `npm run figures`, and `test/workflows/restorations.json` holds both to it.
"""

import sys
from collections.abc import Iterable
from typing import NamedTuple

from lib import outputs, release_log
from lib.errors import StepFailed, Unavailable
from lib.release_log import Ended

# The newest records of an environment that are looked at: 33 hours of a way back that is tried every ten minutes.
# A failure that has lasted longer counts from the oldest of them.
LOOKED_AT = 200


class Restoration(NamedTuple):
    """From the start of what failed until the environment served again what it should, in ms since 1970."""

    began: int
    ended: int


def restorations(environment: str, records: Iterable[Ended]) -> list[Restoration]:
    """The restorations that an environment's records tell of, the oldest first."""
    found: list[Restoration] = []
    failing_since: int | None = None
    counted_until = 0
    for record in sorted(records, key=lambda record: record.started):
        # An interrupted release ends when another Workflow has put the environment right, which has a record too.
        if _is_harmless(record) or record.started < counted_until:
            continue
        is_put_back = _is_put_back(environment, record)
        begins = failing_since
        if begins is None and (record.outcome == "interrupted" or is_put_back):
            begins = record.started
        if record.serves or is_put_back:
            failing_since = None
            if begins is not None:
                found.append(Restoration(begins, record.ended))
                counted_until = record.ended
        elif record.outcome == "broken" and failing_since is None:
            failing_since = record.started
    return found


def _is_harmless(record: Ended) -> bool:
    """Whether a release ended before its environment was told anything: it made nothing worse."""
    return record.action in ("deploy", "promote") and record.was_told is False


def _is_put_back(environment: str, record: Ended) -> bool:
    """Whether the environment is back on a version by this record, in the words of `lib/restoration.py`."""
    says_so = f"{environment} is back on " in record.reason
    return record.outcome in ("reverted", "aborted") or (record.outcome in ("restored", "broken") and says_so)


def tell(began: int, environments: Iterable[str]) -> None:
    """
    Writes the output parameters of the longest restoration of these environments that has ended since `began`, in ms
    since 1970: a metric counts one for each run of a step.
    """
    found = longest_since(began, environments)
    if found:
        environment, seconds = found
        outputs.write("restored-environment", environment)
        outputs.write("restore-seconds", str(seconds))


def longest_since(began: int, environments: Iterable[str]) -> tuple[str, int] | None:
    """
    The environment, and the seconds, of the longest restoration that has ended since `began`, in ms since 1970; None
    without one, and where MLflow does not say: no figure is worth a release.
    """
    found: list[tuple[int, str]] = []
    try:
        for environment in environments:
            newest = release_log.newest_ended(environment, 1)
            if not newest or newest[0].ended < began:
                continue
            ended = restorations(environment, release_log.newest_ended(environment, LOOKED_AT))
            found += [(one.ended - one.began, environment) for one in ended if one.ended >= began]
    except (StepFailed, Unavailable) as failure:
        print(f"MLflow does not say how long a restoration took: {failure}", file=sys.stderr)
    if not found:
        return None
    milliseconds, environment = max(found)
    return environment, round(milliseconds / 1000)
