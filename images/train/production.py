"""Judges a new model beside the one that production serves, which MLflow has."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import mlflow
import numpy as np
import onnxruntime
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

import judgement
import serving
from judgement import KINDS, Bars, Judgement
from pictures import CLASSES, DataSet
from serving import NotComparableError, app_version
from settings import Settings

MODEL_FILE = "food11.onnx"
# Tag of a version whose image and files were collected, as collect-old-versions writes it.
COLLECTED = "retention.collected"


def judge(
    client: MlflowClient,
    chosen: Settings,
    held_out: DataSet,
    answered: np.ndarray,
    inputs: Iterable[np.ndarray],
    say: Callable[[str], None],
) -> tuple[Judgement, dict[str, str]]:
    """Judges a model by its answers [N] to the held-out pictures, and records the comparison in the active run.

    `inputs` are the same pictures as `answers` takes them. Returns the judgement, and tags that say it of a version.
    """
    name, theirs, not_compared = "", None, ""
    try:
        version = serving.find(client, chosen.model_name, chosen.production_url, say)
        name, theirs = app_version(version.version), answers(client, version, inputs, chosen.threads)
    except NotComparableError as error:
        not_compared = str(error)
    comparisons = judgement.compare(held_out.labels, CLASSES, held_out.slices, answered, theirs)
    verdict = judgement.judge(comparisons, Bars(chosen.judgement_margin, chosen.judgement_class_bar), name)
    reasons = "; ".join(verdict.reasons)
    if reasons:
        word = f"failed: {reasons}"
    else:
        word = f"not compared: {not_compared}" if not_compared else f"passed beside production's {name}"
    tags = {"judgement": word} | {f"judgement.{kind}": judgement.summary(comparisons, kind) for kind in KINDS}

    mlflow.log_metrics(judgement.metrics(comparisons))
    mlflow.log_dict({"production": name, "groups": [asdict(each) for each in comparisons]}, "comparison.json")
    mlflow.set_tags(tags)
    say(f"compared with production's {name}, its accuracy in brackets" if name else f"not compared: {not_compared}")
    for kind in KINDS:
        say(f"accuracy {kind}: {tags[f'judgement.{kind}']}")
    if reasons and chosen.judgement_dry_run:
        say(f"would not be registered, but JUDGEMENT_DRY_RUN is set: {reasons}")
    return verdict, tags


def answers(client: MlflowClient, version: ModelVersion, batches: Iterable[np.ndarray], threads: int) -> np.ndarray:
    """The classes [N] that a version gives to pictures [n, 3, side, side], normalised like the app does.

    Raises NotComparableError where its file is gone, damaged or no classifier that runs. An MLflow that cannot be
    reached ends the training, as it does elsewhere.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = fetch(client, version, folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            name = session.get_inputs()[0].name
            return np.concatenate([session.run(None, {name: batch})[0].argmax(1) for batch in batches])
        except Exception as error:  # ONNX Runtime raises classes of its own that share no base.
            raise NotComparableError(
                f"the model of production's {app_version(version.version)} does not run: {error}"
            ) from error


def fetch(client: MlflowClient, version: ModelVersion, folder: str) -> Path:
    """Fetches a version's file, and checks it against the tag of its run. Raises NotComparableError if it differs."""
    what = f"the file of production's {app_version(version.version)}"
    if COLLECTED in version.tags:
        raise NotComparableError(f"{what} was collected")
    source = client.get_model_version_download_uri(version.name, version.version)
    if not any(Path(file.path).name == MODEL_FILE for file in mlflow.artifacts.list_artifacts(artifact_uri=source)):
        raise NotComparableError(f"{what} is not in MLflow")
    path = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"{source}/{MODEL_FILE}", dst_path=folder))
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if run_tags(client, version.run_id).get(f"sha256.{MODEL_FILE}") != sha256:
        raise NotComparableError(f"{what} is not the one that its training recorded")
    return path


def run_tags(client: MlflowClient, run_id: str | None) -> dict[str, str]:
    """The tags of a training's run; none where MLflow no longer has it."""
    if not run_id:
        return {}
    try:
        return client.get_run(run_id).data.tags
    except mlflow.MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
