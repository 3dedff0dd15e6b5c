"""
Fills an MLflow with model versions and releases as the pipeline writes them.

    history.py DATABASE VERSIONS RELEASES MINUTES    at MLFLOW_TRACKING_URI, which keeps its data in that SQLite

A version is registered every so many minutes, and the releases are spread evenly over that time. One of each is written
by the pipeline's own code: PYTHONPATH has the folder `workflows`.
"""

import json
import sqlite3
import sys
import time
import uuid
from typing import Any

import cluster
from images import digest
from lib import constants, model_registry, release_log
from lib.last_release import Served
from lib.verdict import Verdict
from steps import act_on_verdict

ENVIRONMENTS = ("staging", "canary", "production")
GATES = ("integration", "resource", "load")
MINUTE = 60_000
# Of ten versions seven passed staging, as of the versions of a course that tries its gates.
PASSED_OF_TEN = 7


def call(path: str, **fields: object) -> dict[str, Any]:
    """One POST to MLflow."""
    return model_registry.call("POST", path, fields)


def fill(database: str, versions: int, releases: int, minutes: int) -> None:
    """Writes one of each by the pipeline's code, and copies their rows."""
    training = train()
    records = [record(*what) for what in (("deploy", "staging"), ("promote", "canary"), ("promote", "production"))]
    with sqlite3.connect(database, timeout=30) as tables:
        span = versions * minutes * MINUTE
        begin = int(time.time() * 1000) - span - 10 * MINUTE
        for version in range(2, versions + 1):
            copy_version(tables, training, version)
        for version in range(1, versions + 1):
            change_version(tables, version, begin + (version - 1) * minutes * MINUTE)
        for number in range(releases):
            version = 1 + number * versions // releases
            copy_release(tables, records[number % 3], version, begin + number * span // releases)
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


def copy_version(tables: sqlite3.Connection, training: str, version: int) -> None:
    """A version like the first, with a training and a folder of its own."""
    run = copy_run(tables, training, 0, {})
    copy(tables, "model_versions", "version = 1", {"version": version, "run_id": run})
    copy(tables, "model_version_tags", "version = 1", {"version": version})
    row = (training, run, version)
    tables.execute("UPDATE model_versions SET source = replace(source, ?, ?) WHERE version = ?", row)


def change_version(tables: sqlite3.Connection, version: int, at: int) -> None:
    """Gives a version its image and its verdict. It was trained, registered and judged at that moment."""
    row = (at, at, version)
    tables.execute("UPDATE model_versions SET creation_time = ?, last_updated_time = ? WHERE version = ?", row)
    [run] = tables.execute("SELECT run_id FROM model_versions WHERE version = ?", (version,)).fetchone()
    tables.execute("UPDATE runs SET start_time = ?, end_time = ? WHERE run_uuid = ?", (at, at + 30_000, run))
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
    row = (run, new, new)
    tables.execute("UPDATE runs SET artifact_uri = replace(artifact_uri, ?, ?) WHERE run_uuid = ?", row)
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


def main() -> None:
    cluster.begin_step()
    database, *numbers = sys.argv[1:]
    fill(database, *map(int, numbers))


if __name__ == "__main__":
    main()
