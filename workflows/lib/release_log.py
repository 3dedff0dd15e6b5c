"""
The record of every release: one MLflow run each in the experiment `gourmetgram-releases`. It is opened before
anything is changed, closed with the outcome, and outlives every Workflow object.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from lib import child_workflows, constants, model_registry, outputs
from lib.child_workflows import Workflow
from lib.errors import StepFailed, Unavailable

EXPERIMENT = "gourmetgram-releases"
SUCCESSES = ("deployed", "promoted", "reverted", "restored")


class Served(NamedTuple):
    """What an environment runs: `base` as app version stands for the base image."""

    app_version: str
    digest: str


class Release:
    """An open record; `end` closes it."""

    def __init__(self, run: dict[str, Any]) -> None:
        self.run: str = run["info"]["run_id"]
        self.tags: dict[str, str] = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}

    def end(self, outcome: str, reason: object, serves: Served | None = None) -> None:
        """Closes the record. `serves` is what the environment runs from now on; None when that has not changed."""
        tags = {"outcome": outcome, "reason": outputs.clean(reason)}
        if serves:
            tags |= {"serves_version": serves.app_version, "serves_digest": serves.digest}
        model_registry.call("POST", "runs/log-batch", {"run_id": self.run, "tags": _tags(tags)})
        status = "FINISHED" if outcome in SUCCESSES else "FAILED"
        fields = {"run_id": self.run, "status": status, "end_time": _milliseconds()}
        model_registry.call("POST", "runs/update", fields)


def begin(action: str, environment: str, version: str | None = None) -> Release:
    """
    Opens the record of what this Workflow is about to do (`deploy`, `promote`, `revert` or `restore`), or finds the one
    that it opened before it was interrupted. `version` is the model's, None for the base image.
    """
    workflow = child_workflows.current()
    found = opened(action, environment, workflow)
    if found:
        return found
    name = workflow["metadata"]["name"]
    about = _identity(action, environment, workflow) | {
        "workflow": name,
        "pipeline_run": workflow["metadata"].get("labels", {}).get(constants.PIPELINE_RUN, name),
        "requested_by": requester(workflow),
    }
    metrics: dict[str, float] = {}
    if version:
        model = model_registry.get(version)
        about |= {
            "app_version": constants.app_version(version),
            "digest": model.digest or "",
            "model_run": model.run,
        } | _origin(model.run)
        metrics = gate_figures(model.tags)
    run = model_registry.call(
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
        model_registry.call("POST", "runs/log-batch", {"run_id": run["info"]["run_id"], "metrics": figures})
    return Release(run)


def opened(action: str, environment: str, workflow: Workflow | None = None) -> Release | None:
    """The record that this Workflow opened and has not closed, or None."""
    identity = _identity(action, environment, workflow or child_workflows.current())
    conditions = [f"tags.{key} = '{value}'" for key, value in identity.items()]
    found = _search(" and ".join([*conditions, "attributes.status = 'RUNNING'"]))
    return Release(found[0]) if found else None


def _identity(action: str, environment: str, workflow: Workflow) -> dict[str, str]:
    return {"workflow_uid": workflow["metadata"]["uid"], "environment": environment, "action": action}


def close_interrupted(environment: str, sentence: str, serves: Served) -> None:
    """
    Closes every open record of this environment. Call it after you close your own record. The caller must hold the
    environment's mutex.
    """
    for run in _search(f"tags.environment = '{environment}' and attributes.status = 'RUNNING'"):
        release = Release(run)
        workflow = release.tags.get("workflow", "its workflow")
        release.end("interrupted", f"{workflow} was interrupted; {sentence}", serves)


def requester(workflow: Workflow) -> str:
    """
    Who or what asked for a Workflow: the pipeline run that it belongs to, the person that the API server vouched for,
    its schedule, or the account that Argo's own server knows.
    """
    metadata = workflow["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations", {})
    creator = next((labels[key] for key in constants.CREATORS if labels.get(key)), None)
    if constants.PARENT in labels:
        return f"pipeline run {labels.get(constants.PIPELINE_RUN, '')}"
    if annotations.get(constants.SUBMITTED_BY):
        return outputs.clean(annotations[constants.SUBMITTED_BY], 200)
    if constants.CRON in labels:
        return f"schedule {labels[constants.CRON]}"
    return creator or "somebody whom Argo does not know"


def gate_figures(tags: Mapping[str, str]) -> dict[str, float]:
    """The numbers that the gates measured, by `gate.figure`: `load.p95Ms`."""
    figures = {}
    for key, value in tags.items():
        if key.startswith("gate."):
            gate, metrics = key.removeprefix("gate."), json.loads(value).get("metrics", {})
            figures |= {f"{gate}.{name}": number for name, number in metrics.items() if isinstance(number, int | float)}
    return figures


def _origin(run: str) -> dict[str, str]:
    """Where the model is from, as far as its training wrote it down."""
    if not run:
        return {}
    try:
        tags = model_registry.call("GET", "runs/get", {"run_id": run})["run"]["data"].get("tags", [])
    except model_registry.Missing:
        return {}
    return {tag["key"]: tag["value"] for tag in tags if tag["key"] == "data_sha256"}


def _experiment() -> str:
    """Id of the experiment, which the first release makes."""
    try:
        return _find_experiment()
    except model_registry.Missing:
        try:
            return model_registry.call("POST", "experiments/create", {"name": EXPERIMENT})["experiment_id"]
        except (StepFailed, Unavailable):  # another workflow made it at the same moment
            return _find_experiment()


def _find_experiment() -> str:
    found = model_registry.call("GET", "experiments/get-by-name", {"experiment_name": EXPERIMENT})
    return found["experiment"]["experiment_id"]


def _search(condition: str) -> list[dict[str, Any]]:
    query = {"experiment_ids": [_experiment()], "filter": condition, "max_results": 100}
    return model_registry.call("POST", "runs/search", query).get("runs", [])


def _tags(values: Mapping[str, object]) -> list[dict[str, str]]:
    return [{"key": key, "value": str(value)} for key, value in values.items()]


def _milliseconds() -> int:
    return int(time.time() * 1000)
