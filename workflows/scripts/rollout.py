"""Puts an image digest into an environment, through its Argo CD Application, and waits until it serves."""

import json
import time

import applications
import inputs
import kube
import names
import pods
import web
from inputs import StepFailed, Unavailable
from outputs import clean

MAX_TIMEOUT = 600  # seconds; the deadlines of the workflows are made for it
NUDGE = 10.0  # seconds after which Argo CD is asked again: what it could not read may be back
REFRESH = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}


def repository():
    """The registry repository of the app's images: that of the base image."""
    return inputs.image("APP_BASE_IMAGE").partition("@")[0]


def overrides(environment):
    """The release of an environment: the `images` that its Application overrides, or None before the first release."""
    return applications.overrides(_application(environment)["spec"]["source"])


def released_digest(environment):
    """The digest that an environment is told to run, or None before the first release."""
    for image in overrides(environment) or []:
        if image.startswith(f"{names.APP_IMAGE}="):
            return image.rpartition("@")[2]
    return None


def image_override(digest):
    """`images` for the Application that put this digest in place of the base image."""
    return [f"{names.APP_IMAGE}={repository()}@{digest}"]


def override(environment, images):
    """Tells Argo CD the release; None takes it back to the bundle's base image. Nothing else of the Application changes."""
    _patch(environment, REFRESH | {"spec": {"source": {"kustomize": {"images": images}}}})


def _patch(environment, patch):
    kube.run(
        "patch", "applications.argoproj.io", names.workload(environment), "--namespace", names.ARGO_CD,
        "--type", "merge", "--field-manager", names.FIELD_MANAGER, "--patch", json.dumps(patch),
    )  # fmt: skip


def timeout():
    """Seconds that a roll-out may take, 1 to MAX_TIMEOUT; default 120."""
    return inputs.number("ROLLOUT_TIMEOUT_SECONDS", 1, MAX_TIMEOUT, default=120.0)


def release(environment, images, digest, served):
    """
    Patches the Application and waits until only pods of `digest` run and `/version` answers `served`
    (an app version, or None for the base image, which has no model). Raises StepFailed with the reason.
    """
    started = time.monotonic()
    deadline = started + timeout()
    override(environment, images)
    await_pods(environment, digest, deadline)
    await_version(environment, served, deadline)
    print(f"{environment} serves {served or 'the base image'} after {time.monotonic() - started:.1f} s.", flush=True)


def await_pods(environment, digest, deadline):
    """Waits until only ready pods of the digest are left; raises StepFailed as soon as that cannot come true."""
    verdict = pods.Assessment("waiting", "no answer from the cluster yet")
    watch = _ask_argo_cd if environment in inputs.other_clusters() else _watch_pods
    while time.monotonic() < deadline:
        verdict = watch(environment, digest, min(deadline, time.monotonic() + NUDGE)) or verdict
        if verdict.state == "ready":
            return
        if verdict.state == "failing":
            raise StepFailed(f"{environment} does not run the image: {verdict.reason}.")
        if time.monotonic() < deadline:
            _patch(environment, REFRESH)
    raise StepFailed(f"{environment} did not run the image within {timeout():.0f} s: {verdict.reason}{argo_cd_says(environment)}.")


def running_digests(environment):
    """Digests of the images that an environment runs, sorted; nothing while it is between two."""
    if environment in inputs.other_clusters():
        return applications.running_digests(_application(environment))
    name = names.workload(environment)
    return pods.running_digests(kube.listed("pods", name, f"app={name}"))


def _application(environment):
    return kube.get("applications.argoproj.io", names.workload(environment), names.ARGO_CD)


def _ask_argo_cd(environment, digest, until):
    """What Argo CD says of another cluster: ready as soon as it is, else the last at the end of the time."""
    verdict = None

    def ready():
        nonlocal verdict
        verdict = applications.assess(_application(environment), digest)
        return verdict.state == "ready"

    web.poll(ready, until - time.monotonic(), interval=1.0)
    return verdict


def _watch_pods(environment, digest, until):
    """What the pods have come to: ready or failing as soon as they are, else their last state at the end of the time."""
    name = names.workload(environment)
    seen, verdict = {}, None
    for kind, pod in kube.watch(["pods", "--namespace", name, "--selector", f"app={name}"], until):
        if kind == "RESTART":
            seen = {}
            continue
        if kind == "DELETED":
            seen.pop(pod["metadata"]["name"], None)
        else:
            seen[pod["metadata"]["name"]] = pod
        verdict = pods.assess(list(seen.values()), digest)
        if verdict.state == "ready" and kind == "ADDED":  # the stream's first list comes one by one: others may follow
            verdict = pods.assess(kube.listed("pods", name, f"app={name}"), digest)
        if verdict.state != "waiting":
            break
    return verdict


def await_version(environment, served, deadline):
    """Waits until `/version` answers the app version (None: 404, no model); raises StepFailed at the deadline."""
    found = "nothing"

    def matches():
        nonlocal found
        found = version_of(environment) or "no model"
        return found == (served or "no model")

    if not web.poll(matches, deadline - time.monotonic()):
        raise StepFailed(f"{environment} answers {found} on /version instead of {served or 'no model'}.")


def version_of(environment):
    """The app version that an environment answers, None when it has no model, `unreachable` when it does not answer."""
    try:
        status, text = web.request(f"{names.service_url(environment)}/version", timeout=5.0)
        if status == 404:
            return None
        return str(json.loads(text)["model_version"]) if status == 200 else f"status {status}"
    except web.Unreachable:
        return "unreachable"
    except (ValueError, KeyError, TypeError):
        return "something else"


def argo_cd_says(environment):
    """What Argo CD itself complains of, in parentheses, or nothing; when it cannot be asked, nothing."""
    try:
        status = _application(environment).get("status", {})
    except (StepFailed, Unavailable) as failure:  # what it would explain matters more
        print(f"Argo CD cannot be asked: {failure}", flush=True)
        return ""
    messages = [condition.get("message", "") for condition in status.get("conditions", [])]
    operation = status.get("operationState", {})
    if operation.get("phase") in ("Failed", "Error", "Running"):
        messages.append(operation.get("message", ""))
    said = clean("; ".join(filter(None, messages)), 300)
    return f" (Argo CD: {said})" if said else ""
