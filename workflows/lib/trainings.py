"""The runs of trainings in MLflow, whether their model was registered or not."""

from typing import Any, NamedTuple

from lib import model_registry

EXPERIMENT = "gourmetgram-train"  # see images/train/flow.py


class Training(NamedTuple):
    """
    A run. `at`: when it ended, or began where it has not ended, in milliseconds since 1970; 0 where MLflow does not
    say. `files`: where its files are.
    """

    run: str
    at: int
    has_ended: bool
    files: str


def read_all() -> list[Training]:
    """Every run that is not deleted; none where nothing was trained yet, or the experiment was deleted."""
    fields = {"experiment_name": EXPERIMENT}
    try:
        experiment = model_registry.call("GET", "experiments/get-by-name", fields)["experiment"]
    except model_registry.Missing:
        return []
    return [_training(run["info"]) for run in model_registry.every_run(experiment["experiment_id"])]


def _training(info: dict[str, Any]) -> Training:
    at = info.get("end_time") or info.get("start_time") or 0
    return Training(info["run_id"], int(at), info["status"] != "RUNNING", info.get("artifact_uri", ""))


def delete(training: Training) -> None:
    """Deletes a run. MLflow shows it nowhere, and keeps its row in the database until its own `mlflow gc`."""
    model_registry.call("POST", "runs/delete", {"run_id": training.run})
