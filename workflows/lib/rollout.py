"""Puts an image digest into an environment, through its Argo CD Application, and waits until it serves."""

import json
import time
from typing import Any

from lib import argocd, constants, http_client, inputs, kubectl, pods
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


def overrides(environment: str) -> list[str] | None:
    """The release of an environment: the `images` that its Application overrides, or None before the first release."""
    return argocd.overrides(_application(environment)["spec"]["source"])


def released_digest(environment: str) -> str | None:
    """The digest that an environment is told to run, or None before the first release."""
    for image in overrides(environment) or []:
        if image.startswith(f"{constants.APP_IMAGE}="):
            return image.rpartition("@")[2]
    return None


def image_override(digest: str) -> list[str]:
    """`images` for the Application that put this digest in place of the base image."""
    return [f"{constants.APP_IMAGE}={repository()}@{digest}"]


def override(environment: str, images: list[str] | None) -> None:
    """Tells Argo CD the release, None for the bundle's base image. Nothing else of the Application changes."""
    _patch(environment, REFRESH | {"spec": {"source": {"kustomize": {"images": images}}}})


def _patch(environment: str, patch: dict[str, Any]) -> None:
    kubectl.run(
        "patch",
        "applications.argoproj.io",
        constants.workload(environment),
        "--namespace",
        constants.ARGO_CD_NAMESPACE,
        "--type",
        "merge",
        "--field-manager",
        constants.FIELD_MANAGER,
        "--patch",
        json.dumps(patch),
    )


def retry_failed_sync(environment: str) -> None:
    """Has Argo CD sync an environment again if it has given up. A sync that succeeded or is at work stays as it is."""
    if argocd.has_given_up(_application(environment)):
        print(f"{environment}: Argo CD has given up its last sync, and is told to try again.", flush=True)
        _patch(environment, REFRESH | FORGET_SYNC)


def timeout() -> float:
    """Seconds that a roll-out may take, 1 to MAX_TIMEOUT; default 120."""
    return inputs.number("ROLLOUT_TIMEOUT_SECONDS", 1, MAX_TIMEOUT, default=120.0)


def release(environment: str, images: list[str] | None, digest: str, app_version: str | None) -> None:
    """
    Patches the Application and waits until only pods of `digest` run and `/version` answers `app_version`
    (None for the base image, which has no model). Raises StepFailed with the reason.
    """
    started = time.monotonic()
    deadline = started + timeout()
    override(environment, images)
    await_pods(environment, digest, deadline)
    await_version(environment, app_version, deadline)
    seconds = time.monotonic() - started
    print(f"{environment} serves {app_version or 'the base image'} after {seconds:.1f} s.", flush=True)


def await_pods(environment: str, digest: str, deadline: float) -> None:
    """Waits until only ready pods of the digest are left; raises StepFailed as soon as that cannot come true."""
    found = Assessment("waiting", "no answer from the cluster yet")
    watch = _ask_argo_cd if environment in inputs.remote_environments() else _watch_pods
    while time.monotonic() < deadline:
        found = watch(environment, digest, min(deadline, time.monotonic() + REFRESH_INTERVAL)) or found
        if found.state == "ready":
            return
        if found.state == "failing":
            raise StepFailed(f"{environment} does not run the image: {found.reason}.")
        if time.monotonic() < deadline:
            _patch(environment, REFRESH)
    reason = f"{found.reason}{argo_cd_complaint(environment)}"
    raise StepFailed(f"{environment} did not run the image within {timeout():.0f} s: {reason}.")


def list_pods(environment: str) -> list[pods.Pod]:
    """The pods of an environment on the workflows' own cluster."""
    name = constants.workload(environment)
    return kubectl.list_objects("pods", name, f"app={name}")


def running_digests(environment: str) -> list[str]:
    """Digests of the images that an environment runs, sorted; nothing while it is between two."""
    if environment in inputs.remote_environments():
        return argocd.running_digests(_application(environment))
    return pods.running_digests(list_pods(environment))


def _application(environment: str) -> argocd.Application:
    return kubectl.get("applications.argoproj.io", constants.workload(environment), constants.ARGO_CD_NAMESPACE)


def _ask_argo_cd(environment: str, digest: str, until: float) -> Assessment | None:
    """What Argo CD says of a remote cluster: ready as soon as it is, else the last at the end of the time."""
    found = None

    def is_ready() -> bool:
        nonlocal found
        found = argocd.assess(_application(environment), digest)
        return found.state == "ready"

    http_client.poll(is_ready, until - time.monotonic(), interval=1.0)
    return found


def _watch_pods(environment: str, digest: str, until: float) -> Assessment | None:
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
        found = pods.assess(list(seen.values()), digest)
        if found.state == "ready" and kind == "ADDED":
            # The stream's first list comes one by one: other pods may follow.
            found = pods.assess(list_pods(environment), digest)
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
        status, text = http_client.request(f"{inputs.service_url(environment)}/version", timeout=5.0)
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
        status = _application(environment).get("status", {})
    except (StepFailed, Unavailable) as failure:  # what it would explain matters more
        print(f"Argo CD cannot be asked: {failure}", flush=True)
        return ""
    messages = [condition.get("message", "") for condition in status.get("conditions", [])]
    operation = status.get("operationState", {})
    if operation.get("phase") in ("Failed", "Error", "Running"):
        messages.append(operation.get("message", ""))
    complaint = clean("; ".join(filter(None, messages)), 300)
    return f" (Argo CD: {complaint})" if complaint else ""
