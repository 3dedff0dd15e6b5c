"""
What an environment last came to serve. Its Application holds this in an annotation, so that it outlives MLflow. The
record of releases decides where it is newer. MLflow's alias only follows.
"""

import json
import re
import time
from typing import Any, NamedTuple

from lib import argocd, instant, rollout

ANNOTATION = "gourmetgram.io/last-release"
BASE = "base"  # app version of the base image, which has no model

_APP_VERSION = re.compile(r"1\.0\.([1-9][0-9]{0,8})|base", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


class Served(NamedTuple):
    """What an environment serves: an app version, `base` for the base image, and the digest of its image."""

    app_version: str
    digest: str

    @property
    def number(self) -> str | None:
        """The model's version, None for the base image."""
        return None if self.app_version == BASE else self.app_version.rpartition(".")[2]

    @property
    def released_digest(self) -> str | None:
        """The digest that the Application names for it: none for the base image."""
        return None if self.app_version == BASE else self.digest

    @property
    def title(self) -> str:
        """How a sentence names it."""
        return "the base image" if self.app_version == BASE else self.app_version


class LastRelease(NamedTuple):
    """A release that came to its end. `at`: when, in milliseconds since 1970."""

    served: Served
    at: int


def served(app_version: object, digest: object) -> Served | None:
    """Served, or None where a value is not what it should be: a person may have written it."""
    whole = _APP_VERSION.fullmatch(str(app_version)) and _DIGEST.fullmatch(str(digest))
    return Served(str(app_version), str(digest)) if whole else None


def held(application: argocd.Application) -> LastRelease | None:
    """What an Application holds; None before the first release, and where it cannot be read."""
    text = application["metadata"].get("annotations", {}).get(ANNOTATION, "")
    try:
        fields: Any = json.loads(text)
        found = served(fields["version"], fields["digest"])
        is_time = 0 <= fields["at"] < 1000 * instant.END_OF_TIME
        return LastRelease(found, int(fields["at"])) if found and is_time else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def decide(recorded: LastRelease | None, kept: LastRelease | None) -> LastRelease | None:
    """
    The newer one of what the record says and what the Application holds. The record is older after MLflow was restored
    from an old copy; the Application is older where a release ended between the two.
    """
    return max(filter(None, (recorded, kept)), key=lambda release: release.at, default=None)


def hold(environment: str, serves: Served, at: int | None = None) -> None:
    """
    Makes the Application hold what its environment serves: since `at`, in milliseconds since 1970; None: from now on.
    """
    since = int(time.time() * 1000) if at is None else at
    fields = {"version": serves.app_version, "digest": serves.digest, "at": since}
    text = json.dumps(fields, separators=(",", ":"))
    rollout.patch(environment, {"metadata": {"annotations": {ANNOTATION: text}}})


def hold_before_first(environment: str) -> None:
    """Makes an Application without a release hold the base image, which a first release that fails goes back to."""
    application = rollout.application(environment)
    if held(application) is None and argocd.released_digest(application) is None:
        hold(environment, Served(BASE, rollout.base_digest()))
