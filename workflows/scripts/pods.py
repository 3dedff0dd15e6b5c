"""What an environment's pods say about the image they run: pure functions over the pods' status."""

from dataclasses import dataclass, field

import names
from outputs import clean

HOPELESS = (
    "CrashLoopBackOff", "InvalidImageName", "ErrImageNeverPull",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
)  # fmt: skip
# The registry may be back in a moment: the kubelet tries again.
PULLING = ("ErrImagePull", "ImagePullBackOff")


@dataclass
class Assessment:
    """
    `ready`: every pod of the image is ready and no other is left; `failing`: it will not become ready; else `waiting`.
    `tried` is False where a pod has a node and has not come as far as to run the image: that is no fault of the model's.
    """

    state: str
    reason: str = ""
    metrics: dict = field(default_factory=dict)
    tried: bool = True


def _container(pod):
    return next((one for one in pod["spec"]["containers"] if one["name"] == names.APP_CONTAINER), {})


def _status(pod):
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return next((one for one in statuses if one["name"] == names.APP_CONTAINER), {})


def runs(pod, digest):
    """Whether a pod was made for this image digest; the node may report another (that of a platform's manifest)."""
    return _container(pod).get("image", "").endswith(f"@{digest}")


def _leaving(pod):
    """On its way out, or ended for good: an evicted pod never goes by itself, and serves nothing."""
    return "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") in ("Failed", "Succeeded")


def running_digests(pods):
    """Digests of the images whose pods are ready and stay, sorted."""
    ready = [pod for pod in pods if not _leaving(pod) and _status(pod).get("ready")]
    return sorted({_container(pod)["image"].rpartition("@")[2] for pod in ready})


def restarts(pods, digest):
    """Restarts of the image's containers by pod name; pods that are leaving do not count."""
    ours = [pod for pod in pods if runs(pod, digest) and not _leaving(pod)]
    return {pod["metadata"]["name"]: _status(pod).get("restartCount", 0) for pod in ours}


def assess(pods, digest, strict=False):
    """
    Judges the pods of an image digest. `strict` also counts a restart that a pod recovered from as failing.
    A pod of the digest that was evicted is only ever a reason to wait, since its Deployment replaces it:
    who waits in vain reports it, and a ready replacement makes it good.
    """
    ours = [pod for pod in pods if runs(pod, digest) and not _leaving(pod)]
    others = [pod for pod in pods if not runs(pod, digest) and not _leaving(pod)]
    if not ours:
        return Assessment("waiting", f"no pod runs the image yet{_lost(pods, digest)}", tried=bool(_lost(pods, digest)))
    limit = _container(ours[0]).get("resources", {}).get("limits", {}).get("memory", "none")
    metrics = {"pods": len(ours), "restarts": sum(restarts(ours, digest).values()), "memoryLimit": limit}
    for pod in ours:
        trouble = _trouble(pod, strict)
        if trouble:
            return Assessment("failing", trouble, metrics)
    pending = [pod for pod in ours if not _status(pod).get("ready")]
    if pending:
        tried = all(_ran(pod) or _unschedulable(pod) for pod in pending)
        return Assessment("waiting", f"{_why_not_ready(pending[0])}{_lost(pods, digest)}", metrics, tried)
    if others:
        return Assessment("waiting", f"{len(others)} pod(s) of the previous image still run", metrics)
    return Assessment("ready", metrics=metrics)


def _waiting(pod):
    return _status(pod).get("state", {}).get("waiting", {})


def _ran(pod):
    """Whether the image's container has ever run."""
    status = _status(pod)
    return bool({"running", "terminated"} & status.get("state", {}).keys() or status.get("lastState"))


def _unschedulable(pod):
    """Why no node takes the pod, or nothing."""
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition.get("message", "not scheduled")
    return ""


def _trouble(pod, strict):
    container, status = _container(pod), _status(pod)
    count = status.get("restartCount", 0)
    state, last = status.get("state", {}), status.get("lastState", {})
    ends = [one["terminated"] for one in (state, last) if "terminated" in one]
    limit = container.get("resources", {}).get("limits", {}).get("memory", "none")
    if any(end.get("reason") == "OOMKilled" for end in ends):
        return f"OOMKilled: the model needs more than the memory limit of {limit} ({count} restarts)"
    waiting = _waiting(pod)
    if waiting.get("reason") in HOPELESS:
        detail = f"exit code {ends[-1].get('exitCode')}, {count} restarts" if ends else clean(waiting.get("message", ""), 200)
        return f"{waiting['reason']}: {detail}"
    if strict and (count > 0 or ends):
        end = ends[-1] if ends else {}
        return f"the container ended {max(count, 1)} time(s), last with {end.get('reason', 'no reason')} (exit code {end.get('exitCode')})"
    return ""


def _lost(pods, digest):
    """Why an earlier pod of the digest ended, in parentheses, or nothing."""
    for status in (pod.get("status", {}) for pod in pods if runs(pod, digest)):
        if status.get("phase") == "Failed":
            return f" ({status.get('reason', 'Failed')}: {clean(status.get('message', 'the pod ended'), 200)})"
    return ""


def _why_not_ready(pod):
    status = pod.get("status", {})
    if _unschedulable(pod):
        return f"Pending: {clean(_unschedulable(pod), 200)}"
    waiting = _waiting(pod)
    if waiting:
        detail = f" ({clean(waiting['message'], 200)})" if waiting.get("reason") in PULLING and waiting.get("message") else ""
        return f"{status.get('phase', 'Pending')}: {waiting.get('reason', 'waiting')}{detail}"
    return f"{status.get('phase', 'Pending')}: the container is not ready"
