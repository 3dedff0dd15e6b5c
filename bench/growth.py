"""
Fills an MLflow with model versions and releases as the pipeline writes them, and measures what the steps ask of it.

    growth.py fill DATABASE VERSIONS RELEASES    at MLFLOW_TRACKING_URI, which keeps its data in that SQLite
    growth.py measure ROUNDS NAME=URL ...        prints the seconds of each step at each MLflow, as JSON

The steps are the pipeline's own: PYTHONPATH has the folder `workflows`. What they ask of the cluster and the registry
is answered at once: only the time between a request to MLflow and its answer counts.
"""

import contextlib
import functools
import json
import os
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from typing import Any

from lib import (
    app_image,
    child_workflows,
    constants,
    http_client,
    last_release,
    model_registry,
    release_log,
    restoration,
    rollout,
)
from lib.last_release import Served
from lib.verdict import Verdict
from steps import act_on_verdict, revert, run_gate

ENVIRONMENTS = ("staging", "canary", "production")
GATES = ("integration", "resource", "load")
MINUTE = 60_000
# Of ten versions seven passed staging, as of the versions of a course that tries its gates.
PASSED_OF_TEN = 7


def digest(version: int) -> str:
    """The digest of a version's image."""
    return f"sha256:{version:064x}"


def call(path: str, **fields: object) -> dict[str, Any]:
    """One POST to MLflow."""
    return model_registry.call("POST", path, fields)


# Filling


def fill(database: str, versions: int, releases: int) -> None:
    """Writes one of each by the pipeline's code, and copies their rows."""
    training = train()
    records = [record(*what) for what in (("deploy", "staging"), ("promote", "canary"), ("promote", "production"))]
    with sqlite3.connect(database, timeout=30) as tables:
        begin = int(time.time() * 1000) - (max(versions, releases) + 10) * MINUTE
        for version in range(2, versions + 1):
            copy_version(tables, training, version, begin + version * MINUTE)
        copy_version(tables, training, 1, begin, only_tags=True)
        for number in range(releases):
            version = 1 + number * versions // releases
            copy_release(tables, records[number % 3], version, begin + number * MINUTE)
        for run in records:
            delete_run(tables, run)
        newest = max(version for version in range(1, versions + 1) if has_passed(version))
        for alias in ENVIRONMENTS:
            tables.execute("UPDATE registered_model_aliases SET version = ? WHERE alias = ?", (newest, alias))


def has_passed(version: int) -> bool:
    """Whether a version passed staging."""
    return version % 10 < PASSED_OF_TEN


def train() -> str:
    """Version 1 as its training, its build and its gates leave it, with the alias of each environment; its run."""
    experiment = call("experiments/create", name="gourmetgram-train")["experiment_id"]
    hashes = {"scenario": "normal", "data_sha256": "d" * 64, "sha256.food11.onnx": "e" * 64}
    tags = [{"key": key, "value": value} for key, value in hashes.items()]
    begun = int(time.time() * 1000)
    created = call("runs/create", experiment_id=experiment, run_name="train-normal", start_time=begun, tags=tags)
    run = created["run"]["info"]
    figures = {"accuracy": 0.93, "training_seconds": 52.1, "onnx_bytes": 8.9e6, "train_loss": 0.2}
    metrics = [{"key": key, "value": value, "timestamp": begun, "step": 0} for key, value in figures.items()]
    call("runs/log-batch", run_id=run["run_id"], metrics=metrics)
    call("runs/update", run_id=run["run_id"], status="FINISHED", end_time=begun)
    call("registered-models/create", name=constants.MODEL)
    source = f"{run['artifact_uri']}/model"
    version = [{"key": "scenario", "value": "normal"}]
    call("model-versions/create", name=constants.MODEL, source=source, run_id=run["run_id"], tags=version)
    model_registry.tag("1", image_digest=digest(1), image_base=digest(0), image_built_at=model_registry.now())
    act_on_verdict.record(model_registry.get("1"), digest(1), reports())
    for environment in ENVIRONMENTS:
        model_registry.tag("1", **{f"{environment}__promoted_at": model_registry.now()})
        model_registry.move_alias(environment, "1")
    return run["run_id"]


def reports() -> list[dict[str, Any]]:
    """What the gates of a version that passed report."""
    figures = {"requests": 100, "successPercent": 100.0, "p50Ms": 81.2, "p95Ms": 110.5, "restarts": 0}
    return [json.loads(Verdict("pass", "every pod is ready", **figures).report(gate)) for gate in GATES]


def record(action: str, environment: str) -> str:
    """A release of version 1; its run."""
    release = release_log.begin(action, environment, "1")
    release.end(
        {"deploy": "deployed", "promote": "promoted"}[action], f"{environment} serves 1.0.1", Served("1.0.1", digest(1))
    )
    return release.run


def copy_version(tables: sqlite3.Connection, training: str, version: int, at: int, only_tags: bool = False) -> None:
    """A version like the first, with a training of its own."""
    if not only_tags:
        run = copy_run(tables, training, at, {})
        changed = {"version": version, "run_id": run, "creation_time": at, "last_updated_time": at}
        copy(tables, "model_versions", "version = 1", changed)
        copy(tables, "model_version_tags", "version = 1", {"version": version})
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1000))
    changed = {"image_digest": digest(version), "staging.digest": digest(version), "staging.verdict_at": moment}
    if not has_passed(version):
        changed |= {"staging.verdict": "fail", "staging.reason": "load: 95 % of the requests took up to 2345 ms"}
    for key, value in changed.items():
        row = (value, version, key)
        tables.execute("UPDATE model_version_tags SET value = ? WHERE version = ? AND key = ?", row)


def copy_release(tables: sqlite3.Connection, run: str, version: int, at: int) -> None:
    """A release like another, of another version."""
    name, image = f"1.0.{version}", digest(version)
    changed = {"app_version": name, "digest": image, "serves_version": name, "serves_digest": image}
    copy_run(tables, run, at, changed | {"workflow_uid": str(uuid.uuid4())})


def copy_run(tables: sqlite3.Connection, run: str, at: int, tags: dict[str, str]) -> str:
    """A run like another, that ended 30 s after it began; its id."""
    new = uuid.uuid4().hex
    where = f"run_uuid = '{run}'"
    copy(tables, "runs", where, {"run_uuid": new, "start_time": at, "end_time": at + 30_000})
    for table in ("tags", "metrics", "latest_metrics", "params"):
        copy(tables, table, where, {"run_uuid": new})
    for key, value in tags.items():
        tables.execute("UPDATE tags SET value = ? WHERE run_uuid = ? AND key = ?", (value, new, key))
    return new


def copy(tables: sqlite3.Connection, table: str, where: str, changed: dict[str, object]) -> None:
    """Rows of a table once more, with other values in some columns."""
    columns = [row[1] for row in tables.execute(f"PRAGMA table_info({table})")]
    chosen = [f":{column}" if column in changed else f'"{column}"' for column in columns]
    names = ", ".join(f'"{column}"' for column in columns)
    tables.execute(f"INSERT INTO {table} ({names}) SELECT {', '.join(chosen)} FROM {table} WHERE {where}", changed)


def delete_run(tables: sqlite3.Connection, run: str) -> None:
    """Takes out a run that was there to be copied."""
    for table in ("tags", "metrics", "latest_metrics", "params", "runs"):
        tables.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (run,))


# Measuring


class Clock:
    """Seconds in which somebody waits for MLflow."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._request = http_client.request

    def request(self, *args: object, **more: object) -> tuple[int, str]:
        """As `http_client.request`."""
        begun = time.monotonic()
        try:
            return self._request(*args, **more)
        finally:
            self.seconds += time.monotonic() - begun


def measure(rounds: int, servers: dict[str, str]) -> dict[str, dict[str, list[float]]]:
    """Seconds that each step waits for MLflow, at each server in turn."""
    clock = Clock()
    http_client.request = clock.request
    found: dict[str, dict[str, list[float]]] = {step: {name: [] for name in servers} for step in STEPS}
    for number in range(rounds + 1):
        for step, run in STEPS.items():
            for name, url in servers.items():
                os.environ["MLFLOW_TRACKING_URI"] = url
                begin_step()
                before = clock.seconds
                with contextlib.redirect_stdout(sys.stderr):
                    run()
                if number > 0:  # The first of each fills the server's caches.
                    found[step][name].append(clock.seconds - before)
    return found


def begin_step() -> None:
    """Every step is one of another Workflow."""
    metadata = {"name": "bench", "namespace": "argo", "uid": str(uuid.uuid4())}
    child_workflows.current = lambda: {"metadata": metadata}


def newest() -> model_registry.ModelVersion:
    """The version that production serves. It is asked for in the first round, which does not count."""
    return _newest_at(model_registry.tracking_uri())


@functools.cache
def _newest_at(_server: str) -> model_registry.ModelVersion:
    return model_registry.get(model_registry.alias("production"))


def gate() -> None:
    """The load gate of a version, and what acts on its verdict."""
    version = newest()
    os.environ |= {"MODEL_VERSION": version.number, "DIGEST": ""}
    verdict = Verdict("pass", "every pod is ready", p95Ms=time.time())
    run_gate.judge("load", lambda _version, _digest: verdict)
    others = [report for report in reports() if report["gate"] != "load"]
    report = json.loads(verdict.report("load"))
    act_on_verdict.record(model_registry.get(version.number), version.digest, [*others, report])


def revert_failed() -> None:
    """Staging runs a version that failed, and goes back to the last that passed."""
    failed = next(number for number in range(int(newest().number), 0, -1) if not has_passed(number))
    rollout.application = lambda _: application(digest(failed))
    revert.revert(str(failed), "load: 95 % of the requests took up to 2345 ms")


def keep() -> None:
    """The schedule finds staging on what passed."""
    rollout.application = lambda _: application(newest().digest)
    revert.revert(None, "")


def restore() -> None:
    """The schedule finds production on its last release."""
    model = newest()
    rollout.application = lambda _: application(model.digest, Served(constants.app_version(model.number), model.digest))
    restoration.put_right("production")


def application(running: str, holds: Served | None = None) -> dict[str, Any]:
    """An Application that runs an image."""
    held = {"version": holds.app_version, "digest": holds.digest, "at": int(time.time() * 1000)} if holds else None
    annotations = {last_release.ANNOTATION: json.dumps(held)} if held else {}
    images = {"kustomize": {"images": [f"gourmetgram-app=registry/gourmetgram-app@{running}"]}}
    return {"metadata": {"annotations": annotations}, "spec": {"source": images}, "status": {}}


STEPS: dict[str, Callable[[], None]] = {"gate": gate, "revert": revert_failed, "keep": keep, "restore": restore}


def answer_at_once() -> None:
    """What the steps ask of the cluster and the registry."""
    app_image.ensure = lambda _environment, _release: None
    last_release.hold = lambda _environment, _serves: None
    rollout.base_digest = lambda: digest(0)
    rollout.image_override = lambda image: f"gourmetgram-app=registry/gourmetgram-app@{image}"
    rollout.release = lambda *_: None
    rollout.retry_failed_sync = lambda _: None
    restoration.events.warn = lambda *_: None


def main() -> None:
    command, *rest = sys.argv[1:]
    begin_step()
    answer_at_once()
    if command == "fill":
        fill(rest[0], int(rest[1]), int(rest[2]))
        return
    with tempfile.TemporaryDirectory() as outputs:
        os.environ["OUTPUT_DIR"] = outputs
        print(json.dumps(measure(int(rest[0]), dict(server.split("=", 1) for server in rest[1:]))))


if __name__ == "__main__":
    main()
