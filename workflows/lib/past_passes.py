"""
What passed staging, as the releases show it: for versions that MLflow no longer has. What MLflow has is judged by its
verdict there.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from lib.constants import STAGING
from lib.last_release import LastRelease, Served
from lib.release_log import Recorded


def shown(records: Iterable[Recorded], held: Iterable[LastRelease]) -> list[LastRelease]:
    """
    The releases of versions that had passed staging, the newest first. `held`: what the Applications of the
    environments after staging hold.
    """
    recorded = [LastRelease(record.serves, record.at) for record in records if record.serves and _shows_pass(record)]
    releases = [release for release in (*recorded, *held) if release.served.number]
    return sorted(releases, key=lambda release: release.at, reverse=True)


def good(records: Sequence[Recorded], held: Iterable[LastRelease]) -> list[Served]:
    """Those of them that were neither withdrawn nor reverted from since, each once."""
    fell = _falls(records)
    left = [release for release in shown(records, held) if release.at > fell.get(release.served.app_version, -1)]
    return list(dict.fromkeys(release.served for release in left))


def _shows_pass(record: Recorded) -> bool:
    """
    Only what passed staging comes to an environment after it, and staging is reverted only to what passed. A deployment
    to staging shows nothing: it is judged after that, or by nobody.
    """
    return record.environment != STAGING or record.action == "revert"


def _falls(records: Iterable[Recorded]) -> dict[str, float]:
    """When an app version was last withdrawn from canary, or staging reverted from it."""
    known = list(records)
    falls = [(record.app_version, record.at if record.has_ended else math.inf) for record in known if _is_abort(record)]
    in_staging = [record for record in known if record.environment == STAGING and record.serves]
    for before, after in pairwise(sorted(in_staging, key=lambda record: record.at)):
        if before.action == "deploy" and after.action == "revert" and before.serves != after.serves:
            falls.append((before.serves.app_version, after.at))
    last: dict[str, float] = {}
    for app_version, at in falls:
        last[app_version] = max(at, last.get(app_version, -1))
    return last


def _is_abort(record: Recorded) -> bool:
    return record.action == "abort"
