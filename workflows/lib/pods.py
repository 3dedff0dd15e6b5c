"""What an environment's pods say about the image they run: pure functions over the pods' status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lib import constants
from lib.counted import counted
from lib.outputs import clean

Pod = dict[str, Any]

TERMINAL_WAITING_REASONS = (
    "CrashLoopBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)
# The registry may be back in a moment: the kubelet tries again.
PULLING = ("ErrImagePull", "ImagePullBackOff")


@dataclass
class Assessment:
    """
    `ready`: every pod of the image is ready and no other is left; `failing`: it will not become ready; else `waiting`.
    `tried` is False where a pod has a node and has not come as far as to run the image: the model is not to blame.
    """

    state: str
    reason: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    tried: bool = True


def _container(pod: Pod) -> dict[str, Any]:
    containers = pod["spec"]["containers"]
    return next((container for container in containers if container["name"] == constants.APP_CONTAINER), {})


def _status(pod: Pod) -> dict[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return next((status for status in statuses if status["name"] == constants.APP_CONTAINER), {})


def _memory_limit(pod: Pod) -> str:
    return _container(pod).get("resources", {}).get("limits", {}).get("memory", "none")


def runs(pod: Pod, digest: str) -> bool:
    """Whether a pod was made for this image digest; the node may report another (that of a platform's manifest)."""
    return _container(pod).get("image", "").endswith(f"@{digest}")


def _is_leaving(pod: Pod) -> bool:
    """On its way out, or ended for good: an evicted pod never goes by itself, and serves nothing."""
    return "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") in ("Failed", "Succeeded")


def running_digests(pods: Sequence[Pod]) -> list[str]:
    """Digests of the images whose pods are ready and stay, sorted."""
    ready = [pod for pod in pods if not _is_leaving(pod) and _status(pod).get("ready")]
    return sorted({_container(pod)["image"].rpartition("@")[2] for pod in ready})


def ready_since(pods: Sequence[Pod], digest: str) -> str:
    """
    Since when the pod of the image that has been ready longest is so without a break, UTC to the second; an empty
    string where none is. Pods that are leaving do not count.
    """
    ready = [_condition(pod, "Ready") for pod in _staying(pods, digest)]
    return min((one["lastTransitionTime"] for one in ready if one.get("status") == "True"), default="")


def told_digests(pods: Sequence[Pod]) -> set[str]:
    """Digests of the images that pods were made for, whatever state they are in."""
    return {_container(pod).get("image", "").rpartition("@")[2] for pod in pods}


def restarts(pods: Sequence[Pod], digest: str) -> int:
    """Restarts of the image's containers; pods that are leaving do not count."""
    return sum(_status(pod).get("restartCount", 0) for pod in _staying(pods, digest))


def ends(pods: Sequence[Pod], digest: str) -> dict[str, int]:
    """How often the image's container has ended, by pod name; pods that are leaving do not count."""
    return {_name(pod): _ends(pod) for pod in _staying(pods, digest)}


def ends_before_release(pods: Sequence[Pod], began: str) -> dict[str, int]:
    """
    Ends that a release does not answer for, by pod name, as seen when it begins: those of the pods that are older than
    `began`, the API server's time in UTC to the second, in which its Workflow was created. A step that runs again
    therefore counts every end of the pods that its first run brought about.
    """
    return {_name(pod): _ends(pod) for pod in pods if pod["metadata"]["creationTimestamp"] < began}


def ends_before(pods: Sequence[Pod], instant: str) -> dict[str, int]:
    """
    Ends before an instant (UTC, to the second), by pod name, for pods that nobody looked at then. Kubernetes keeps the
    time of the last end alone: a pod whose last end is in that second or later has no end before it.
    """
    return {_name(pod): _ends(pod) for pod in pods if "" < _last_change(pod) < instant}


def assess(
    pods: Sequence[Pod], digest: str, strict: bool = False, before: Mapping[str, int] | None = None
) -> Assessment:
    """
    Judges the pods of an image digest. `strict` also counts a restart that a pod recovered from as failing.
    `before`: by pod name, how many ends of its container do not count, since they came before the release; default
    none. A pod that is in a crash loop now is failing whatever came before.
    A pod of the digest that was evicted is only ever a reason to wait, since its Deployment replaces it:
    who waits in vain reports it, and a ready replacement makes it good.
    """
    ours = _staying(pods, digest)
    others = [pod for pod in pods if not runs(pod, digest) and not _is_leaving(pod)]
    ended = _why_ended(pods, digest)
    if not ours:
        return Assessment("waiting", f"no pod runs the image yet{ended}", tried=bool(ended))
    metrics = {"pods": len(ours), "restarts": restarts(ours, digest), "memoryLimit": _memory_limit(ours[0])}
    for pod in ours:
        trouble = _trouble(pod, strict, (before or {}).get(_name(pod), 0))
        if trouble:
            return Assessment("failing", trouble, metrics)
    pending = [pod for pod in ours if not _status(pod).get("ready")]
    if pending:
        tried = all(_has_run(pod) or _unschedulable(pod) for pod in pending)
        return Assessment("waiting", f"{_why_not_ready(pending[0])}{ended}", metrics, tried)
    if others:
        return Assessment("waiting", f"the previous image still runs in {counted(len(others), 'pod')}", metrics)
    return Assessment("ready", metrics=metrics)


def assess_since(pods: Sequence[Pod], digest: str, since: str) -> Assessment:
    """
    Judges the pods of a digest that was released at an instant (UTC, to the second; empty: ever), strictly. An end that
    was asked for does not count, if it is the last one: Kubernetes keeps no more of an earlier one than that it was.
    """
    ours = [pod for pod in pods if runs(pod, digest)]  # what is being rolled out beside it says nothing of it
    earlier = ends_before(ours, since)
    uncounted = {_name(pod): earlier.get(_name(pod), 0) + _was_asked_to_end(pod) for pod in ours}
    return assess(ours, digest, strict=True, before=uncounted)


def crash_since(pods: Sequence[Pod], digest: str, since: str) -> str | None:
    """
    Why a container of a digest has last ended, where that was by itself, and at an instant (UTC, to the second) or
    later; None where none has. However often a node has restarted, that is no crash. An end that the node no longer
    knows is one.
    """
    return crashes_since(pods, digest, since)[1] or None


def crashes_since(pods: Sequence[Pod], digest: str, since: str) -> tuple[int, str]:
    """
    How often the containers of a digest have ended, in the pods where the last time is a crash as in `crash_since`, and
    why the first of them did. Kubernetes keeps the time of no end but the last: the earlier ones count with it.
    """
    ended = [
        pod
        for pod in _staying(pods, digest)
        if _ends(pod) > 0 and not _was_asked_to_end(pod) and _last_change(pod) >= since
    ]
    return sum(map(_ends, ended)), _trouble(ended[0], True, 0) if ended else ""


def unhealthy_reason(pods: Sequence[Pod], digest: str, since: str, replicas: int) -> str | None:
    """
    Why an environment has not run a digest in health since an instant (UTC, to the second; empty: ever), or None. All
    its pods count: `replicas` of them, each ready, none of them ended since.
    """
    found = assess_since(pods, digest, since)
    if found.state != "ready":
        return found.reason
    running = found.metrics["pods"]
    return f"it runs {running} of {counted(replicas, 'pod')}" if running < replicas else None


def _staying(pods: Sequence[Pod], digest: str) -> list[Pod]:
    return [pod for pod in pods if runs(pod, digest) and not _is_leaving(pod)]


def _name(pod: Pod) -> str:
    return pod["metadata"]["name"]


def _known_ends(pod: Pod) -> list[dict[str, Any]]:
    """How the container ended, as far as Kubernetes keeps it: the last two times at most, the latest last."""
    status = _status(pod)
    states = (status.get("lastState", {}), status.get("state", {}))
    return [state["terminated"] for state in states if "terminated" in state]


def _was_asked_to_end(pod: Pod) -> bool:
    """Whether the container last ended because somebody asked it to, or its node went away: a node that restarts."""
    last = _known_ends(pod)[-1:]
    return bool(last) and (last[0].get("exitCode") == 0 or last[0].get("reason") == "Unknown")


def _ends(pod: Pod) -> int:
    """How often the container has ended: each restart follows an end, and one that is down has ended once more."""
    status = _status(pod)
    is_down = "running" not in status.get("state", {}) and bool(_known_ends(pod))
    return status.get("restartCount", 0) + is_down


def _last_change(pod: Pod) -> str:
    """When the container last ended or began to run, UTC to the second; an empty string where that is not known."""
    running = _status(pod).get("state", {}).get("running", {})
    ended = _known_ends(pod)[-1:]
    return running.get("startedAt") or (ended[0].get("finishedAt") or "" if ended else "")


def _waiting(pod: Pod) -> dict[str, Any]:
    return _status(pod).get("state", {}).get("waiting", {})


def _has_run(pod: Pod) -> bool:
    """Whether the image's container has ever run."""
    status = _status(pod)
    return bool({"running", "terminated"} & status.get("state", {}).keys() or status.get("lastState"))


def _unschedulable(pod: Pod) -> str:
    """Why no node takes the pod, or an empty string."""
    scheduled = _condition(pod, "PodScheduled")
    return scheduled.get("message", "not scheduled") if scheduled.get("status") == "False" else ""


def _condition(pod: Pod, kind: str) -> dict[str, Any]:
    """One of the pod's conditions; nothing while Kubernetes has not set it."""
    return next((one for one in pod.get("status", {}).get("conditions", []) if one["type"] == kind), {})


def _trouble(pod: Pod, strict: bool, before: int) -> str:
    """Why the pod will not become ready, or an empty string. The container's first `before` ends do not count."""
    count, ended, known = _status(pod).get("restartCount", 0), _ends(pod) - before, _known_ends(pod)
    waiting = _waiting(pod)
    is_hopeless = waiting.get("reason") in TERMINAL_WAITING_REASONS
    since = known[-ended:] if ended > 0 else []
    if any(end.get("reason") == "OOMKilled" for end in (known if is_hopeless else since)):
        limit = _memory_limit(pod)
        return f"OOMKilled: the model needs more than the memory limit of {limit} ({counted(count, 'restart')})"
    if is_hopeless:
        if not known:
            return f"{waiting['reason']}: {clean(waiting.get('message', ''), 200)}"
        return f"{waiting['reason']}: exit code {known[-1].get('exitCode')}, {counted(count, 'restart')}"
    if strict and ended > 0:
        said = f"the container ended {counted(ended, 'time')}"
        if not since:
            return f"{said}, and its node no longer knows how"
        return f"{said}, last with {since[-1].get('reason', 'no reason')} (exit code {since[-1].get('exitCode')})"
    return ""


def _why_ended(pods: Sequence[Pod], digest: str) -> str:
    """Why an earlier pod of the digest ended, in parentheses, or an empty string."""
    for status in (pod.get("status", {}) for pod in pods if runs(pod, digest)):
        if status.get("phase") == "Failed":
            return f" ({status.get('reason', 'Failed')}: {clean(status.get('message', 'the pod ended'), 200)})"
    return ""


def _why_not_ready(pod: Pod) -> str:
    status = pod.get("status", {})
    if _unschedulable(pod):
        return f"Pending: {clean(_unschedulable(pod), 200)}"
    waiting = _waiting(pod)
    if waiting:
        # The kubelet's message names the image again and again, and the cause last.
        cause = waiting.get("message", "").rpartition('": ')[2] if waiting.get("reason") in PULLING else ""
        detail = f" ({clean(cause, 200)})" if cause else ""
        return f"{status.get('phase', 'Pending')}: {waiting.get('reason', 'waiting')}{detail}"
    return f"{status.get('phase', 'Pending')}: the container is not ready"
