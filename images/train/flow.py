"""Trains a Food-11 classifier, and registers it in MLflow if it is good enough.

    python flow.py [scenario]

Scenarios and settings, which come by environment variables: see settings.py.

Exit codes: 0 registered, 3 not good enough and not registered, 2 wrong settings, 1 anything that broke.
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

# A waiting thread must sleep: where processors are shared, spinning would steal from the one it waits for.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# MLflow's own closing lines name an address that only the cluster resolves, and would be the last of the log.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

import mlflow
import torch
from mlflow import MlflowClient

import drift
import pictures
import production
import signature
from models import build, export, weight_bytes
from settings import Settings, SettingsError, read_settings
from training import DOUBT, SCHEDULE, SIDE, answers, fit_to_size, in_batches, tensors, train

NOT_GOOD_ENOUGH = 3
# Beside the model: what `watch-data-drift` compares people's pictures with.
FEATURES_FILE = "features.json"
# Beside the model: of which training it is, and from which data.
TRAINING_FILE = "training.json"
# Settings of this machine, and not of the training.
NOT_LOGGED = ("version_file", "signing_key")
# Pictures of each class; seeds of their own keep the splits apart.
TRAIN_PICTURES, TRAIN_SEED = 72, 0
HELD_OUT_PICTURES, HELD_OUT_SEED = 60, 1_000_000
# What the last layer of the scenario `drifting` is told not to be sure of: it answers the same, half as sure.
DRIFTING_DOUBT = 0.5


class Origin(NamedTuple):
    """Where a model is from. `run`: its run in MLflow; `accuracy`: share of right answers on held-out pictures."""

    run: str
    scenario: str
    data_sha256: str
    accuracy: float


def run(chosen: Settings) -> int:
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)

    torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    client = MlflowClient()
    mlflow.set_experiment("gourmetgram-train")
    with mlflow.start_run(run_name=f"train-{chosen.scenario}") as started_run:
        run_id = started_run.info.run_id
        say(f"scenario {chosen.scenario}, MLflow run {run_id}")

        train_set = pictures.data_set(TRAIN_PICTURES, TRAIN_SEED, SIDE)
        if chosen.scenario == "worse":
            train_set = pictures.mislabelled(train_set)
        held_out = pictures.data_set(HELD_OUT_PICTURES, HELD_OUT_SEED, SIDE)
        data_hash = pictures.sha256(train_set.images, train_set.labels, held_out.images, held_out.labels)
        learnt, kept = len(train_set.labels), len(held_out.labels)
        say(f"{learnt} pictures to learn from, {kept} held out, sha256 {data_hash[:12]}")

        network = build(chosen.scenario)
        size = weight_bytes(network)
        mlflow.set_tags({"scenario": chosen.scenario, "data_sha256": data_hash})
        mlflow.log_params(
            {name: value for name, value in asdict(chosen).items() if name not in NOT_LOGGED}
            | {
                "architecture": type(network).__name__,
                "weight_bytes": size,
                "schedule": " ".join(f"{passes}x{side}px" for side, passes in SCHEDULE),
                "train_pictures": learnt,
                "held_out_pictures": kept,
            }
        )
        threads = "1 thread" if chosen.threads == 1 else f"{chosen.threads} threads"
        say(f"{type(network).__name__}, {size / 2**20:.1f} MiB of weights, {threads}")

        def log(step: int, total: int, side: int, loss: float) -> None:
            mlflow.log_metric("train_loss", loss, step=step)
            say(f"pass {step}/{total} at {side} px: loss {loss:.3f}")

        inputs, labels = tensors(train_set.images, train_set.labels)
        train(network, inputs, labels, chosen.epochs, log)
        doubt = DRIFTING_DOUBT if chosen.scenario == "drifting" else DOUBT
        say(f"fitted to {SIDE} px: loss {fit_to_size(network, inputs, labels, doubt):.3f}")
        answered = answers(network, held_out.images)
        share = float((answered == held_out.labels).mean())
        mlflow.log_metrics({"accuracy": share, "training_seconds": time.monotonic() - started})
        say(f"accuracy {share:.1%} on the held-out pictures, bar {chosen.accuracy_bar:.1%}")
        if share < chosen.accuracy_bar:
            mlflow.set_tag("outcome", "below-the-bar")
            say(f"not registered: accuracy {share:.1%} is below the bar of {chosen.accuracy_bar:.1%}")
            return NOT_GOOD_ENOUGH

        served = (batch.contiguous().numpy() for batch in in_batches(held_out.images))
        verdict, tags = production.judge(client, chosen, held_out, answered, served, say)
        if verdict.reasons and not chosen.judgement_dry_run:
            mlflow.set_tag("outcome", verdict.outcome)
            say(f"not registered: {'; '.join(verdict.reasons)}")
            return NOT_GOOD_ENOUGH

        origin = Origin(run_id, chosen.scenario, data_hash, share)
        version = register(client, chosen, origin, network, drift.record(train_set.images), tags)
        mlflow.set_tag("outcome", "registered")
        say(f"registered {chosen.model_name} version {version}, alias development")
        chosen.version_file.write_text(version)
        return 0


def register(
    client: MlflowClient,
    chosen: Settings,
    origin: Origin,
    network: torch.nn.Module,
    learnt: drift.Samples,
    tags: dict[str, str],
) -> str:
    """Logs the network as `food11.onnx`, with the features of what it learnt from, and registers it with tags.

    With a key, all that is logged is signed first. Moves the alias `development` to it. Returns its version.
    """
    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        model = folder / production.MODEL_FILE
        export(network, str(model), SIDE)
        mlflow.log_metric("onnx_bytes", model.stat().st_size)
        (folder / FEATURES_FILE).write_text(json.dumps(learnt))
        (folder / TRAINING_FILE).write_text(json.dumps(origin._asdict()))
        if chosen.signing_key:
            signature.sign(folder, chosen.model_name, chosen.signing_key)
        for path in sorted(folder.iterdir()):
            # Whoever fetches a file checks it against this.
            mlflow.set_tag(f"sha256.{path.name}", hashlib.sha256(path.read_bytes()).hexdigest())
            mlflow.log_artifact(str(path), "model")
    try:
        client.create_registered_model(chosen.model_name)
    except mlflow.MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"{client.get_run(origin.run).info.artifact_uri}/model"
    created = client.create_model_version(
        chosen.model_name, source, origin.run, tags={"scenario": chosen.scenario} | tags, await_creation_for=None
    )
    client.set_registered_model_alias(chosen.model_name, "development", created.version)
    return str(created.version)


if __name__ == "__main__":
    try:
        sys.exit(run(read_settings(sys.argv[1:], dict(os.environ))))
    except SettingsError as error:
        print(f"{error}.", file=sys.stderr)
        sys.exit(2)
