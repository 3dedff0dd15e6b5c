"""Starts the next Workflow of the chain, and waits for it."""

import hashlib
import json
import os
import time

import kube
import names
from inputs import StepFailed, Unavailable

ENDED = ("Succeeded", "Failed", "Error")


def own():
    """The Workflow that this step belongs to."""
    return kube.get("workflows.argoproj.io", os.environ["WORKFLOW_NAME"], os.environ["WORKFLOW_NAMESPACE"])


def require_lock(workflow=None):
    """
    Raises LockLost unless the lock on staging is still held for this Workflow, by the very step that started it: its
    exit handler may hold it by now. What was started by hand takes the lock itself. To be called right before anything
    is changed: a person may stop the holder.
    """
    metadata = (workflow or own())["metadata"]
    holder, key = metadata.get("labels", {}).get(names.LOCK_HOLDER), metadata.get("annotations", {}).get(names.LOCK_KEY)
    if holder is None:
        return
    try:
        now = _lock_key(kube.get("workflows.argoproj.io", holder, os.environ["WORKFLOW_NAMESPACE"]))
    except kube.NotFound:
        raise LockLost(f"{holder}, which held the lock on staging for this workflow, is gone: nothing more is done here.") from None
    if now is None or now != key:
        raise LockLost(f"{holder} no longer holds the lock on staging for this workflow: nothing more is done here.")


def _lock_key(workflow):
    """Which step of a Workflow holds the lock on staging, as Argo names it; None when none does."""
    held = workflow.get("status", {}).get("synchronization", {}).get("mutex", {}).get("holding") or []
    return next((one["holder"] for one in held if one.get("mutex", "").endswith("/staging")), None)


class LockLost(StepFailed):
    """Staging belongs to somebody else now."""


def manifest(parent, template, version, parameters, under_lock=False, purpose=""):
    """
    The child Workflow. Its name follows from its parent, template and purpose, so that a step which runs again
    finds the child of its first run. `under_lock`: the parent holds the lock on staging, or was started by who does.
    """
    identity = f"{parent['metadata']['uid']}/{template}/{purpose}"
    name = f"{template}-v{version}-{hashlib.sha256(identity.encode()).hexdigest()[:6]}"
    chain = parent["metadata"].get("labels", {}).get(names.CHAIN, parent["metadata"]["name"])
    labels = {names.CHAIN: chain, names.PARENT: parent["metadata"]["name"], names.MODEL_VERSION: version}
    annotations = {}
    if under_lock:
        inherited = parent["metadata"].get("labels", {}).get(names.LOCK_HOLDER)
        key = parent["metadata"].get("annotations", {}).get(names.LOCK_KEY) if inherited else _lock_key(parent)
        if key is None:
            raise Unavailable(f"{parent['metadata']['name']} does not show yet that it holds the lock on staging.")
        labels[names.LOCK_HOLDER] = inherited or parent["metadata"]["name"]
        annotations[names.LOCK_KEY] = key
    spec = {
        "workflowTemplateRef": {"name": template},
        "arguments": {"parameters": [{"name": key, "value": value} for key, value in parameters.items()]},
    }
    if under_lock:
        spec["entrypoint"] = "under-lock"
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "namespace": parent["metadata"]["namespace"], "labels": labels, "annotations": annotations},
        "spec": spec,
    }


def start(child):
    """Creates the child, or finds it already there; returns its name."""
    name = child["metadata"]["name"]
    try:
        kube.run("create", "--filename", "-", "--output", "name", stdin=json.dumps(child))
        print(f"Started {name}.", flush=True)
    except kube.AlreadyExists:
        print(f"{name} is there already.", flush=True)
    return name


def finished(name, seconds):
    """Waits until the Workflow has ended and returns it; raises StepFailed when it is deleted or takes too long."""
    phase = ""
    args = ["workflows.argoproj.io", name, "--namespace", os.environ["WORKFLOW_NAMESPACE"]]
    for kind, workflow in kube.watch(args, time.monotonic() + seconds):
        if kind == "RESTART" and phase:
            kind = "DELETED" if _gone(args) else kind  # the stream says nothing of what went while it was broken off
        if kind == "DELETED":
            raise StepFailed(f"{name} was deleted before it ended.")
        if kind == "RESTART":
            continue
        current = workflow.get("status", {}).get("phase", "Pending") or "Pending"
        if current != phase:
            phase = current
            print(f"{name}: {phase}", flush=True)
        if phase in ENDED:
            return workflow
    raise StepFailed(f"{name} did not end within {seconds:.0f} s.")


def _gone(args):
    try:
        kube.run("get", *args, "--output", "name")
        return False
    except kube.NotFound:
        return True
    except (StepFailed, Unavailable):
        return False


def output(workflow, name):
    """A global output parameter of a Workflow, or an empty string."""
    for parameter in workflow.get("status", {}).get("outputs", {}).get("parameters", []):
        if parameter["name"] == name:
            return parameter.get("value", "")
    return ""


def explain(workflow):
    """Why a Workflow did not succeed: its own reason, or the first step that failed and what that said."""
    status = workflow.get("status", {})
    failed = [node for node in status.get("nodes", {}).values() if node.get("phase") in ("Failed", "Error")]
    steps = [f"{node['displayName'].partition('(')[0]}: {_said(node)}" for node in sorted(failed, key=_end) if node.get("type") == "Pod" and _said(node)]
    return output(workflow, "reason") or next(iter(steps), "") or status.get("message", "") or "it was stopped, or ran out of time"


def _said(node):
    outputs = node.get("outputs", {}).get("parameters", [])
    return next((one["value"] for one in outputs if one["name"] == "reason" and one.get("value")), node.get("message", ""))


def _end(node):
    return node.get("finishedAt") or "9999"
