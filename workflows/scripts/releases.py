"""
The record of every release: one MLflow run each in the experiment `gourmetgram-releases`. It is opened before
anything is changed, closed with the outcome, and outlives every Workflow object.
"""

import json
import time

import children
import models
import names
import outputs
from inputs import StepFailed, Unavailable

EXPERIMENT = "gourmetgram-releases"


class Release:
    """An open record; `end` closes it."""

    def __init__(self, run):
        self.run = run["info"]["run_id"]
        self.tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}

    def end(self, outcome, reason, serves=None):
        """
        Closes the record. `serves` is what the environment runs from now on, (app version, digest); leave it out
        when that is what it ran before.
        """
        tags = {"outcome": outcome, "reason": outputs.clean(reason)}
        if serves:
            tags |= {"serves_version": serves[0], "serves_digest": serves[1]}
        models.call("POST", "runs/log-batch", {"run_id": self.run, "tags": _tags(tags)})
        status = "FINISHED" if outcome in ("deployed", "promoted", "reverted", "restored") else "FAILED"
        models.call("POST", "runs/update", {"run_id": self.run, "status": status, "end_time": _milliseconds()})


def begin(action, environment, version=None):
    """
    Opens the record of what this Workflow is about to do (`deploy`, `promote`, `revert` or `restore`), or finds the one
    that it opened before it was interrupted. `version` is the model's, None for the base image.
    """
    workflow = children.own()
    found = opened(action, environment, workflow)
    if found:
        return found
    labels = workflow["metadata"].get("labels", {})
    about = _mine(action, environment, workflow) | {
        "workflow": workflow["metadata"]["name"],
        "chain": labels.get(names.CHAIN, workflow["metadata"]["name"]),
        "requested_by": requester(workflow),
    }
    metrics = {}
    if version:
        model = models.get(version)
        about |= {"app_version": names.app_version(version), "digest": model.digest or "", "model_run": model.run} | _origin(model.run)
        metrics = gate_figures(model.tags)
    run = models.call(
        "POST",
        "runs/create",
        {
            "experiment_id": _experiment(),
            "run_name": f"{action} {environment} {about.get('app_version', 'base image')}",
            "start_time": _milliseconds(),
            "tags": _tags(about),
        },
    )["run"]
    figures = [{"key": key, "value": value, "timestamp": _milliseconds(), "step": 0} for key, value in metrics.items()]
    if figures:
        models.call("POST", "runs/log-batch", {"run_id": run["info"]["run_id"], "metrics": figures})
    return Release(run)


def opened(action, environment, workflow=None):
    """The record that this Workflow opened and has not closed, or None."""
    mine = _mine(action, environment, workflow or children.own())
    found = _search(" and ".join([*(f"tags.{key} = '{value}'" for key, value in mine.items()), "attributes.status = 'RUNNING'"]))
    return Release(found[0]) if found else None


def _mine(action, environment, workflow):
    return {"workflow_uid": workflow["metadata"]["uid"], "environment": environment, "action": action}


def close_interrupted(environment, sentence, serves):
    """
    Closes the records of an environment that nobody will, this Workflow's own among them: whoever calls this holds the
    environment's lock, has closed his, and says what it serves (app version, digest).
    """
    for run in _search(f"tags.environment = '{environment}' and attributes.status = 'RUNNING'"):
        release = Release(run)
        release.end("interrupted", f"{release.tags.get('workflow', 'its workflow')} was cut off; {sentence}", serves)


def requester(workflow):
    """
    Who or what asked for a Workflow: the person that the API server vouched for, the account that Argo's own server
    knows, the chain that it belongs to, or its schedule.
    """
    metadata = workflow["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations", {})
    creator = next((labels[key] for key in names.CREATORS if labels.get(key)), None)
    if names.PARENT in labels:
        return f"pipeline, chain {labels.get(names.CHAIN, '')}"
    if annotations.get(names.SUBMITTED_BY):
        return outputs.clean(annotations[names.SUBMITTED_BY], 200)
    if names.CRON in labels:
        return f"schedule {labels[names.CRON]}"
    return creator or "somebody whom Argo does not know"


def gate_figures(tags):
    """The numbers that the gates measured, by `gate.figure`: `load.p95Ms`."""
    figures = {}
    for key, value in tags.items():
        if key.startswith("gate."):
            metrics = json.loads(value).get("metrics", {})
            figures |= {f"{key[5:]}.{name}": number for name, number in metrics.items() if isinstance(number, (int, float))}
    return figures


def _origin(run):
    """Where the model is from, as far as its training wrote it down."""
    if not run:
        return {}
    try:
        tags = models.call("GET", "runs/get", {"run_id": run})["run"]["data"].get("tags", [])
    except models.Missing:
        return {}
    return {tag["key"]: tag["value"] for tag in tags if tag["key"] == "data_sha256"}


def _experiment():
    named = {"experiment_name": EXPERIMENT}
    try:
        return models.call("GET", "experiments/get-by-name", named)["experiment"]["experiment_id"]
    except models.Missing:
        try:
            return models.call("POST", "experiments/create", {"name": EXPERIMENT})["experiment_id"]
        except (StepFailed, Unavailable):  # another workflow made it at the same moment
            return models.call("GET", "experiments/get-by-name", named)["experiment"]["experiment_id"]


def _search(condition):
    query = {"experiment_ids": [_experiment()], "filter": condition, "max_results": 100}
    return models.call("POST", "runs/search", query).get("runs", [])


def _tags(values):
    return [{"key": key, "value": str(value)} for key, value in values.items()]


def _milliseconds():
    return int(time.time() * 1000)
