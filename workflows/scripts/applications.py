"""What Argo CD says of an environment whose pods are on a cluster that the workflows don't see: pure functions over its Application."""

import names
from pods import Assessment


def overrides(source):
    """The `images` that a source overrides, or None."""
    return source.get("kustomize", {}).get("images")


def running_digests(application):
    """Digests of the app's images that run there, sorted; nothing while Argo CD has not brought the cluster to what it was told."""
    return _digests(application) if _settled(application) else []


def assess(application, digest):
    """
    Judges the image digest that an environment was told to run: `ready` when Argo CD sees no other one there, and all is
    healthy. Never `failing`: Argo CD calls a release Degraded no sooner than its time is over, and an earlier one longer.
    """
    if running_digests(application) == [digest]:
        return Assessment("ready")
    state = f"{_sync(application).get('status', 'Unknown')} and {_status(application).get('health', {}).get('status', 'Unknown')}"
    return Assessment("waiting", f"Argo CD says {state}, with pods of {', '.join(_digests(application)) or 'no image'}")


def _settled(application):
    sync, health = _sync(application), _status(application).get("health", {})
    compared = sync.get("comparedTo", {}).get("source", {})  # what it says may be of the release before
    told = overrides(application["spec"]["source"]) == overrides(compared)
    return told and sync.get("status") == "Synced" and health.get("status") == "Healthy"


def _digests(application):
    images = _status(application).get("summary", {}).get("images", [])
    return sorted({image.rpartition("@")[2] for image in images if names.APP_IMAGE in image and "@" in image})


def _sync(application):
    return _status(application).get("sync", {})


def _status(application):
    return application.get("status", {})
