"""
Fills a registry with the images of model versions, and collects those that nothing keeps.

    registry.py fill REPOSITORY VERSIONS         pushes their images, and what the pipeline signs of them
    registry.py collect REPOSITORY DAYS VERSIONS prints its seconds and the versions that are kept, as JSON

`history.py` has filled the MLflow at MLFLOW_TRACKING_URI with the same versions. The collection is the pipeline's own,
through the crane on PATH: PYTHONPATH has the folder `workflows`. What it asks of the cluster is answered at once.
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from typing import Any

import cluster
from history import ENVIRONMENTS, GATES, has_passed
from images import digest, image
from lib import (
    attestations,
    child_workflows,
    constants,
    crane,
    gate_verdicts,
    instant,
    model_registry,
    provenance,
    release_log,
    release_statement,
    rollout,
    signing_keys,
)
from lib.retention import Limits
from lib.signing_keys import PrivateKey
from lib.verdict import Verdict
from repository import Repository
from steps import collect


def fill(name: str, versions: int) -> None:
    """Pushes the base image and the image of each version, and signs of it what the pipeline signs."""
    repository, key = Repository(name), signing_keys.generate()
    crane.run = repository.crane
    repository.push(image(0), ["base", "content-000000000000"])
    for version in range(1, versions + 1):
        app_version = constants.app_version(str(version))
        reached = ENVIRONMENTS if has_passed(version) else ENVIRONMENTS[:1]
        repository.push(image(version), [f"{environment}-{app_version}" for environment in reached])
        sign(attestations.Image(name, digest(version)), version, list(reached[1:]), key)


def sign(subject: attestations.Image, version: int, promoted_to: list[str], key: PrivateKey) -> None:
    """Signs what an image is made from, the verdict of each gate, and each promotion."""
    at = instant.timestamp(time.time())
    base = f"{subject.repository}@{digest(0)}"
    materials = [provenance.material(part, "e" * 64, base) for part in ("base", "model", "food11.onnx", "data")]
    definition = {
        "buildType": provenance.BUILD_TYPE,
        "externalParameters": {"model": constants.MODEL, "version": str(version)},
        "resolvedDependencies": materials,
    }
    made = {"buildDefinition": definition, "runDetails": {"builder": {"id": provenance.BUILDER}}}
    attestations.attach(subject, provenance.PREDICATE, made, key)
    for gate in GATES:
        verdict = Verdict("pass", "every pod is ready", requests=100, successPercent=100.0, p95Ms=110.5)
        gate_verdicts.sign(subject, gate, verdict, at, f"train-model-{version}", key)
    for environment in promoted_to:
        app_version = constants.app_version(str(version))
        about = release_statement.describe(environment, app_version, f"promote-model-{version}", "bench", None)
        attestations.attach(subject, release_statement.PREDICATE, {**about, "at": at}, key)


def collect_once(name: str, limits: Limits) -> dict[str, float]:
    """One collection: its seconds, and how many versions keep their images."""
    base = f"{name}@{digest(0)}"
    host = name.partition("/")[0]
    others = {image: f"{host}/{image}@{digest(0)}" for image in ("gourmetgram-train", "gourmetgram-tools")}
    os.environ |= {
        "APP_BASE_IMAGE": base,
        "TRAIN_IMAGE": others["gourmetgram-train"],
        "TOOLS_IMAGE": others["gourmetgram-tools"],
    }
    rollout.application = lambda environment: application(environment, base)
    rollout.list_pods = lambda _: []
    child_workflows.unfinished = lambda: []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as outputs, contextlib.redirect_stdout(sys.stderr):
        os.environ["OUTPUT_DIR"] = outputs
        collect.collect(limits, is_dry_run=False)
    seconds = time.monotonic() - begun
    kept = [version for version in model_registry.all_versions() if not version.collected]
    return {"seconds": seconds, "kept": len(kept)}


def application(environment: str, base: str) -> dict[str, Any]:
    """The Application of an environment, which serves what the record of releases says."""
    last = release_log.last_served(environment)
    assert last is not None, environment
    found = cluster.application(last.served.digest, last.served)
    found["metadata"]["annotations"][collect.BASE_IMAGE] = base
    return found


def main() -> None:
    command, name, *numbers = sys.argv[1:]
    cluster.begin_step()
    if command == "fill":
        fill(name, *map(int, numbers))
    else:
        print(json.dumps(collect_once(name, Limits(*map(int, numbers)))))


if __name__ == "__main__":
    main()
