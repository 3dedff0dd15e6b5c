"""Puts an image digest into an environment, through its Argo CD Application, and waits until it serves."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from lib import argocd, child_workflows, constants, http_client, inputs, kubectl, pods
from lib.errors import StepFailed, Unavailable
from lib.outputs import clean
from lib.pods import Assessment

MAX_TIMEOUT = 600  # seconds; the deadlines of the workflows are made for it
REFRESH_INTERVAL = 10.0  # seconds after which Argo CD is asked again: what it could not read may be back
# Argo CD knows by this what it has tried already; its own `argocd app sync` removes it too.
FORGET_SYNC = {"status": {"operationState": None}}
REFRESH = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}


def repository() -> str:
    """The registry repository of the app's images: that of the base image."""
    return inputs.image("APP_BASE_IMAGE").partition("@")[0]


def base_digest() -> str:
    """Digest of the image that runs before the first release."""
    return inputs.image("APP_BASE_IMAGE").rpartition("@")[2]


def released_digest(environment: str) -> str | None:
    """The digest that an environment is told to run, or None before the first release."""
    return argocd.released_digest(application(environment))


def image_override(digest: str) -> list[str]:
    """`images` for the Application that put this digest in place of the base image."""
    return [f"{constants.APP_IMAGE}={repository()}@{digest}"]


def override(environment: str, images: list[str] | None) -> None:
    """Tells Argo CD the release, None for the bundle's base image. Nothing else of the Application changes."""
    patch(environment, REFRESH | {"spec": {"source": {"kustomize": {"images": images}}}})


def patch(environment: str, changes: dict[str, Any]) -> None:
    """Changes fields of the environment's Application, in the pipeline's name."""
    kubectl.merge("applications.argoproj.io", constants.workload(environment), constants.ARGO_CD_NAMESPACE, changes)


def retry_failed_sync(environment: str) -> None:
    """Has Argo CD sync an environment again if it has given up. A sync that succeeded or is at work stays as it is."""
    if argocd.has_given_up(application(environment)):
        print(f"{environment}: Argo CD has given up its last sync, and is told to try again.", flush=True)
        patch(environment, REFRESH | FORGET_SYNC)


def timeout() -> float:
    """Seconds that a roll-out may take, 1 to MAX_TIMEOUT; default 120."""
    return inputs.number("ROLLOUT_TIMEOUT_SECONDS", 1, MAX_TIMEOUT, default=120.0)


def release(
    environment: str,
    images: list[str] | None,
    digest: str,
    app_version: str | None,
    on_change: Callable[[], object],
) -> None:
    """
    Patches the Application and waits until only pods of `digest` run and `/version` answers `app_version`
    (None for the base image, which has no model). Where its pods run already, they are judged by how they run from now
    on. `on_change` is called as soon as the environment was told. Raises StepFailed with the reason, which names what
    the environment was told to run.
    """
    started = time.monotonic()
    name = app_version or "the base image"
    before = ends_before_release(environment)
    override(environment, images)
    on_change()
    deadline = time.monotonic() + timeout()
    await_pods(environment, digest, deadline, name, before)
    await_version(environment, app_version, deadline)
    print(f"{environment} serves {name} after {time.monotonic() - started:.1f} s.", flush=True)


def ends_before_release(environment: str) -> dict[str, int]:
    """How often each pod's container had ended before this Workflow's release; nothing of a remote environment."""
    if environment in inputs.remote_environments():
        return {}
    began = child_workflows.current()["metadata"]["creationTimestamp"]
    return pods.ends_before_release(list_pods(environment), began)


def await_pods(
    environment: str,
    digest: str,
    deadline: float,
    name: str,
    before: Mapping[str, int],
) -> None:
    """
    Waits until only ready pods of the digest are left; raises StepFailed as soon as that cannot come true. `name`: what
    the digest is called there; `before`: ends that do not count, by pod.
    """
    found = Assessment("waiting", "no answer from the cluster yet")
    is_remote = environment in inputs.remote_environments()
    while time.monotonic() < deadline:
        until = min(deadline, time.monotonic() + REFRESH_INTERVAL)
        if is_remote:
            found = _ask_argo_cd(environment, digest, until) or found
        else:
            found = _watch_pods(environment, digest, until, before) or found
        if found.state == "ready":
            return
        if found.state == "failing":
            raise StepFailed(f"{environment} does not run {name}: {found.reason}.")
        if time.monotonic() < deadline:
            patch(environment, REFRESH)
    reason = f"{found.reason}{argo_cd_complaint(environment)}"
    raise StepFailed(f"{environment} did not run {name} within {timeout():.0f} s: {reason}.")


def list_pods(environment: str) -> list[pods.Pod]:
    """The pods of an environment on the workflows' own cluster."""
    name = constants.workload(environment)
    return kubectl.list_objects("pods", name, f"app={name}")


def running_digests(environment: str) -> list[str]:
    """Digests of the images that an environment runs, sorted; nothing while it is between two."""
    if environment in inputs.remote_environments():
        return argocd.running_digests(application(environment))
    return pods.running_digests(list_pods(environment))


def ready_since(environment: str, digest: str) -> str:
    """
    As `pods.ready_since`, for an environment. Nothing is known of the pods of a remote one: an empty string.
    """
    return "" if environment in inputs.remote_environments() else pods.ready_since(list_pods(environment), digest)


def unhealthy_reason(environment: str, digest: str, since: str) -> str | None:
    """
    Why an environment has not run a digest in health since an instant (UTC, to the second; empty: ever), or None.
    Nothing is known of the pods of a remote environment: there, the health that Argo CD reports is all that counts, and
    `running_digests` asks for it.
    """
    if environment in inputs.remote_environments():
        print(f"{environment} is on another cluster: only what Argo CD reports of its health is known.", flush=True)
        return None
    name = constants.workload(environment)
    replicas = kubectl.get("deployments.apps", name, name)["spec"]["replicas"]
    return pods.unhealthy_reason(list_pods(environment), digest, since, replicas)


def application(environment: str) -> argocd.Application:
    """The environment's Application."""
    return kubectl.get("applications.argoproj.io", constants.workload(environment), constants.ARGO_CD_NAMESPACE)


def _ask_argo_cd(environment: str, digest: str, until: float) -> Assessment | None:
    """What Argo CD says of a remote cluster: ready as soon as it is, else the last at the end of the time."""
    found = None

    def is_ready() -> bool:
        nonlocal found
        found = argocd.assess(application(environment), digest)
        return found.state == "ready"

    http_client.poll(is_ready, until - time.monotonic(), interval=1.0)
    return found


def _watch_pods(environment: str, digest: str, until: float, before: Mapping[str, int]) -> Assessment | None:
    """What the pods have come to: ready or failing as soon as they are, else their state at the end of the time."""
    name = constants.workload(environment)
    seen: dict[str, pods.Pod] = {}
    found = None
    for kind, pod in kubectl.watch(["pods", "--namespace", name, "--selector", f"app={name}"], until):
        if kind == "RESTART":
            seen = {}
            continue
        if kind == "DELETED":
            seen.pop(pod["metadata"]["name"], None)
        else:
            seen[pod["metadata"]["name"]] = pod
        found = pods.assess(list(seen.values()), digest, before=before)
        if found.state == "ready" and kind == "ADDED":
            # The stream's first list comes one by one: other pods may follow.
            found = pods.assess(list_pods(environment), digest, before=before)
        if found.state != "waiting":
            break
    return found


def await_version(environment: str, app_version: str | None, deadline: float) -> None:
    """Waits until `/version` answers the app version (None: 404, no model); raises StepFailed at the deadline."""
    wanted, found = app_version or "no model", "nothing"

    def matches() -> bool:
        nonlocal found
        found = version_of(environment) or "no model"
        return found == wanted

    if not http_client.poll(matches, deadline - time.monotonic()):
        raise StepFailed(f"{environment} answers {found} on /version instead of {wanted}.")


def version_of(environment: str) -> str | None:
    """The app version that an environment answers, None when it has no model, `unreachable` when it does not answer."""
    try:
        status, text = http_client.request(
            f"{inputs.service_url(environment)}/version", headers=constants.PROBE, timeout=5.0
        )
        if status == 404:
            return None
        return str(json.loads(text)["model_version"]) if status == 200 else f"status {status}"
    except http_client.Unreachable:
        return "unreachable"
    except (ValueError, KeyError, TypeError):
        return "something else"


def argo_cd_complaint(environment: str) -> str:
    """What Argo CD itself complains of, in parentheses; an empty string where it cannot be asked."""
    try:
        status = application(environment).get("status", {})
    except (StepFailed, Unavailable) as failure:  # what it would explain matters more
        print(f"Argo CD cannot be asked: {failure}", flush=True)
        return ""
    messages = [condition.get("message", "") for condition in status.get("conditions", [])]
    operation = status.get("operationState", {})
    if operation.get("phase") in ("Failed", "Error", "Running"):
        messages.append(operation.get("message", ""))
    complaint = clean("; ".join(filter(None, messages)), 300)
    return f" (Argo CD: {complaint})" if complaint else ""
