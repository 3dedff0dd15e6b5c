"""What Argo CD says of an environment whose pods are on a cluster that the workflows don't see: pure functions over its Application."""

import names
from outputs import clean
from pods import Assessment


def running_digests(application):
    """Digests of the app's images that run there, sorted; nothing while Argo CD has not brought the cluster to what it was told."""
    status = application.get("status", {})
    settled = status.get("sync", {}).get("status") == "Synced" and status.get("health", {}).get("status") == "Healthy"
    return sorted(_digests(status)) if settled else []


def assess(application, digest):
    """Judges the image digest that an environment was told to run: `ready` when Argo CD sees no other one there, and all is healthy."""
    status = application.get("status", {})
    if running_digests(application) == [digest]:
        return Assessment("ready")
    health = status.get("health", {})
    if health.get("status") == "Degraded" and digest in _digests(status):
        return Assessment("failing", f"Degraded: {clean(health.get('message') or 'Argo CD gives no reason', 200)}")
    sync = status.get("sync", {}).get("status", "Unknown")
    return Assessment("waiting", f"Argo CD says {sync} and {health.get('status', 'Unknown')}")


def _digests(status):
    images = status.get("summary", {}).get("images", [])
    return {image.rpartition("@")[2] for image in images if names.APP_IMAGE in image and "@" in image}
