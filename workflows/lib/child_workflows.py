"""Starts the next Workflow of a pipeline run, and waits for it."""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lib import constants, inputs, kubectl, outputs
from lib.errors import Refused, StepFailed, Unavailable

Workflow = dict[str, Any]

ENDED = ("Succeeded", "Failed", "Error")


class LockLost(Refused):
    """Staging belongs to somebody else now."""


def current() -> Workflow:
    """The Workflow that this step belongs to."""
    return kubectl.get("workflows.argoproj.io", os.environ["WORKFLOW_NAME"], os.environ["WORKFLOW_NAMESPACE"])


def unfinished() -> list[Workflow]:
    """The Workflows that have not ended: Argo labels those that have."""
    selector = "workflows.argoproj.io/completed!=true"
    return kubectl.list_objects("workflows.argoproj.io", constants.ARGO_NAMESPACE, selector)


def require_lock(workflow: Workflow | None = None) -> None:
    """
    Raises LockLost unless the lock on staging is still held for this Workflow, by the very step that started it: its
    exit handler may hold it by now. What was started by hand takes the lock itself. To be called right before anything
    is changed: a person may stop the holder.
    """
    metadata = (workflow or current())["metadata"]
    holder = metadata.get("labels", {}).get(constants.LOCK_HOLDER)
    key = metadata.get("annotations", {}).get(constants.LOCK_KEY)
    if holder is None:
        return
    try:
        now = _lock_key(kubectl.get("workflows.argoproj.io", holder, os.environ["WORKFLOW_NAMESPACE"]))
    except kubectl.NotFound:
        lost = f"{holder}, which held the lock on staging for this workflow, was deleted"
        raise LockLost(f"{lost}: this workflow changes nothing more.") from None
    if now is None or now != key:
        lost = f"{holder} no longer holds the lock on staging for this workflow"
        raise LockLost(f"{lost}: this workflow changes nothing more.")


def is_under_lock() -> bool:
    """Whether a pipeline run started this Workflow, under the lock on staging that it holds."""
    return constants.LOCK_HOLDER in current()["metadata"].get("labels", {})


def _lock_key(workflow: Workflow) -> str | None:
    """Which step of a Workflow holds the lock on staging, as Argo names it; None when none does."""
    held = workflow.get("status", {}).get("synchronization", {}).get("mutex", {}).get("holding") or []
    return next((lock["holder"] for lock in held if lock.get("mutex", "").endswith("/staging")), None)


def manifest(
    parent: Workflow,
    template: str,
    version: str,
    parameters: Mapping[str, str],
    under_lock: bool = False,
    purpose: str = "",
) -> Workflow:
    """
    The child Workflow. Its name follows from its parent, template and purpose, so that a step which runs again
    finds the child of its first run. `under_lock`: the parent holds the lock on staging, or was started by who does.
    Raises Unavailable while Argo does not show yet that the parent holds the lock.
    """
    metadata = parent["metadata"]
    identity = f"{metadata['uid']}/{template}/{purpose}"
    pipeline_run = metadata.get("labels", {}).get(constants.PIPELINE_RUN, metadata["name"])
    child = {
        "name": f"{template}-v{version}-{hashlib.sha256(identity.encode()).hexdigest()[:6]}",
        "namespace": metadata["namespace"],
        "labels": {
            constants.PIPELINE_RUN: pipeline_run,
            constants.PARENT: metadata["name"],
            constants.MODEL_VERSION: version,
        },
        "annotations": {},
    }
    spec = {
        "workflowTemplateRef": {"name": template},
        "arguments": {"parameters": [{"name": name, "value": value} for name, value in parameters.items()]},
    }
    if under_lock:
        inherited = metadata.get("labels", {}).get(constants.LOCK_HOLDER)
        key = metadata.get("annotations", {}).get(constants.LOCK_KEY) if inherited else _lock_key(parent)
        if key is None:
            raise Unavailable(f"{metadata['name']} does not show yet that it holds the lock on staging.")
        child["labels"][constants.LOCK_HOLDER] = inherited or metadata["name"]
        child["annotations"][constants.LOCK_KEY] = key
        spec["entrypoint"] = "under-lock"
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": child, "spec": spec}


def start(child: Workflow) -> str:
    """Creates the child, or finds it already there; returns its name."""
    name = child["metadata"]["name"]
    try:
        kubectl.run("create", "--filename", "-", "--output", "name", stdin=json.dumps(child))
        print(f"Started {name}.", flush=True)
    except kubectl.AlreadyExists:
        print(f"{name} is there already.", flush=True)
    return name


def wait_until_finished(name: str, seconds: float) -> Workflow:
    """Waits until the Workflow has ended and returns it; raises StepFailed when it is deleted or takes too long."""
    phase = ""
    args = ["workflows.argoproj.io", name, "--namespace", os.environ["WORKFLOW_NAMESPACE"]]
    for kind, workflow in kubectl.watch(args, time.monotonic() + seconds):
        if kind == "RESTART" and phase:
            kind = "DELETED" if _is_gone(args) else kind  # the stream says nothing of what went while it was broken off
        if kind == "DELETED":
            raise StepFailed(f"{name} was deleted before it ended.")
        if kind == "RESTART":
            continue
        now = workflow.get("status", {}).get("phase", "Pending") or "Pending"
        if now != phase:
            phase = now
            print(f"{name}: {phase}", flush=True)
        if phase in ENDED:
            return workflow
    raise StepFailed(f"{name} did not end within {seconds:.0f} s.")


def _is_gone(args: Sequence[str]) -> bool:
    try:
        kubectl.run("get", *args, "--output", "name")
        return False
    except kubectl.NotFound:
        return True
    except (StepFailed, Unavailable):
        return False


def timeout() -> float:
    """Seconds that a child may take, 10 to 86400: more than its workflow's own deadline, or it outlives the lock."""
    return inputs.number("CHILD_SECONDS", 10, 86400)


def revert_staging(version: str, reason: str, purpose: str = "") -> Workflow:
    """
    Starts revert-staging under the lock that is held already, waits until staging is back, and returns the Workflow.
    Raises StepFailed when it did not succeed.
    """
    # revert-staging takes no braces, and no more than 500 characters.
    accepted = outputs.clean(reason, 400).replace("{", "(").replace("}", ")")
    parameters = {"failed-version": version, "reason": accepted}
    child = manifest(current(), "revert-staging", version, parameters, under_lock=True, purpose=purpose)
    ended = wait_until_finished(start(child), timeout())
    if ended["status"]["phase"] != "Succeeded":
        raise StepFailed(f"staging could not be reverted: {failure_reason(ended)}")
    return ended


def output(workflow: Workflow, name: str) -> str:
    """A global output parameter of a Workflow, or an empty string."""
    for parameter in workflow.get("status", {}).get("outputs", {}).get("parameters", []):
        if parameter["name"] == name:
            return parameter.get("value", "")
    return ""


def failure_reason(workflow: Workflow) -> str:
    """Why a Workflow did not succeed: its own reason, or the first step that failed and what that said."""
    return (
        output(workflow, "reason")
        or _first_failure(workflow)
        or workflow.get("status", {}).get("message", "")
        or "it was stopped, or ran out of time"
    )


def _first_failure(workflow: Workflow) -> str:
    """The step whose pod failed first, with its message; an empty string when none left a message."""
    nodes = workflow.get("status", {}).get("nodes", {}).values()
    pods = [node for node in nodes if node.get("type") == "Pod" and node.get("phase") in ("Failed", "Error")]
    for pod in sorted(pods, key=lambda node: node.get("finishedAt") or "9999"):
        if message := _message(pod):
            step = pod["displayName"].partition("(")[0]  # without the number of the try
            return f"{step}: {message}"
    return ""


def _message(node: dict[str, Any]) -> str:
    """What a step said of its failure: its output `reason`, or else what Argo says of its pod."""
    for parameter in node.get("outputs", {}).get("parameters", []):
        if parameter["name"] == "reason" and parameter.get("value"):
            return parameter["value"]
    return node.get("message", "")
