"""
What Argo CD says of an environment whose pods are on a cluster that the workflows don't see: pure functions over its
Application.
"""

from typing import Any

from lib import constants
from lib.pods import Assessment

Application = dict[str, Any]


def overrides(source: dict[str, Any]) -> list[str] | None:
    """The `images` that a source overrides, or None."""
    return source.get("kustomize", {}).get("images")


def released_digest(application: Application) -> str | None:
    """The digest that an environment is told to run, or None before the first release."""
    for image in overrides(application["spec"]["source"]) or []:
        if image.startswith(f"{constants.APP_IMAGE}="):
            return image.rpartition("@")[2]
    return None


def running_digests(application: Application) -> list[str]:
    """Digests of the app's images that run there, sorted; nothing before the cluster is as Argo CD was told."""
    return seen_digests(application) if _is_settled(application) else []


def assess(application: Application, digest: str) -> Assessment:
    """
    Judges the image digest that an environment was told to run: `ready` when Argo CD sees no other one there, and all
    is healthy. Never `failing`: Argo CD calls a release Degraded no sooner than its time is over, and an earlier one
    longer.
    """
    if running_digests(application) == [digest]:
        return Assessment("ready")
    sync, health = _sync(application).get("status", "Unknown"), _health(application).get("status", "Unknown")
    images = ", ".join(seen_digests(application)) or "no image"
    return Assessment("waiting", f"Argo CD says {sync} and {health}, with pods of {images}")


def has_given_up(application: Application) -> bool:
    """
    Whether the last sync failed for good: the cluster is not as Argo CD was told, and it tries the same release of the
    same bundle once, with its retries, and then no more, even when the cause is gone.
    """
    phase = _status(application).get("operationState", {}).get("phase")
    return _sync(application).get("status") == "OutOfSync" and phase in ("Failed", "Error")


def _is_settled(application: Application) -> bool:
    sync, health = _sync(application), _health(application)
    compared = sync.get("comparedTo", {}).get("source", {})  # what it says may be of the release before
    told = overrides(application["spec"]["source"]) == overrides(compared)
    return told and sync.get("status") == "Synced" and health.get("status") == "Healthy"


def seen_digests(application: Application) -> list[str]:
    """Digests of the app's images that Argo CD sees there, sorted, whatever state the environment is in."""
    images = _status(application).get("summary", {}).get("images", [])
    return sorted({image.rpartition("@")[2] for image in images if constants.APP_IMAGE in image and "@" in image})


def _sync(application: Application) -> dict[str, Any]:
    return _status(application).get("sync", {})


def _health(application: Application) -> dict[str, Any]:
    return _status(application).get("health", {})


def _status(application: Application) -> dict[str, Any]:
    return application.get("status", {})
