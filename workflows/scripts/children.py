"""Starts the next Workflow of the chain, and waits for it."""

import hashlib
import json
import os
import time

import kube
import names
from inputs import StepFailed

ENDED = ("Succeeded", "Failed", "Error")


def own():
    """The Workflow that this step belongs to."""
    return kube.get("workflows.argoproj.io", os.environ["WORKFLOW_NAME"], os.environ["WORKFLOW_NAMESPACE"])


def manifest(parent, template, version, parameters, entrypoint=None, purpose=""):
    """
    The child Workflow. Its name follows from its parent, template and purpose, so that a step which runs again
    finds the child of its first run. `entrypoint` names another way in than the template's own.
    """
    identity = f"{parent['metadata']['uid']}/{template}/{purpose}"
    name = f"{template}-v{version}-{hashlib.sha256(identity.encode()).hexdigest()[:6]}"
    chain = parent["metadata"].get("labels", {}).get(names.CHAIN, parent["metadata"]["name"])
    labels = {names.CHAIN: chain, names.PARENT: parent["metadata"]["name"], names.MODEL_VERSION: version}
    spec = {
        "workflowTemplateRef": {"name": template},
        "arguments": {"parameters": [{"name": key, "value": value} for key, value in parameters.items()]},
    }
    if entrypoint:
        spec["entrypoint"] = entrypoint
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "namespace": parent["metadata"]["namespace"], "labels": labels},
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
    except StepFailed:
        return False


def output(workflow, name):
    """A global output parameter of a Workflow, or an empty string."""
    for parameter in workflow.get("status", {}).get("outputs", {}).get("parameters", []):
        if parameter["name"] == name:
            return parameter.get("value", "")
    return ""


def explain(workflow):
    """Why a Workflow did not succeed: its own reason, or that of the first step that failed."""
    reason = output(workflow, "reason")
    nodes = workflow.get("status", {}).get("nodes", {}).values()
    said = [
        parameter.get("value", "")
        for node in nodes
        if node.get("phase") in ("Failed", "Error")
        for parameter in node.get("outputs", {}).get("parameters", [])
        if parameter["name"] == "reason"
    ]
    return reason or next(filter(None, said), "") or workflow.get("status", {}).get("message", "") or "no reason given"
