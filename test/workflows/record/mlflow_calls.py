"""Every call that model_registry.py and release_log.py make of MLflow, made by themselves, with MLflow's answer."""

import json
import os
import re
import secrets
import sys

from recording import RECORDED, keep

os.environ.setdefault("MLFLOW_TRACKING_URI", "http://127.0.0.1:8000")
sys.path.insert(0, str(RECORDED.parents[2] / "workflows"))

from lib import child_workflows, constants, events, http_client, model_registry, release_log, trainings
from lib.last_release import Served

IMAGE = f"sha256:{'1' * 64}"
API = f"{model_registry.tracking_uri()}/api/2.0/"
request = http_client.request


def record():
    """In a model and experiments of its own, whose names and ids then give way to those that `servers.Mlflow` uses."""
    unique = secrets.token_hex(4)
    instead = {f"recording-model-{unique}": constants.MODEL, f"recording-releases-{unique}": release_log.EXPERIMENT}
    constants.MODEL, release_log.EXPERIMENT = instead
    trainings.EXPERIMENT = f"recording-training-{unique}"
    instead[trainings.EXPERIMENT] = "gourmetgram-train"
    stages = {"no model yet": [], "two versions": [], "a deleted experiment": [], "a training collected": []}
    calls = stages["no model yet"]

    def noted(url, method="GET", body=None, *more):
        status, text = request(url, method, body, *more)
        answer = json.loads(text) if text.startswith("{") else text
        calls.append(
            {
                "method": method,
                "path": url.removeprefix(API),
                "body": json.loads(body) if body else None,
                "status": status,
                "answer": answer,
            }
        )
        return status, text

    training = call("experiments/create", name=trainings.EXPERIMENT)["experiment_id"]
    http_client.request = noted
    events.warn = lambda *_: None
    try:
        unknown_model()
        call("registered-models/create", name=constants.MODEL)
        runs, calls = [train(training, version) for version in ("1", "2")], stages["two versions"]
        registered(runs[0]["artifact_uri"])
        runs += released()
        experiment, calls = release_log._experiment(), stages["a deleted experiment"]
        call("experiments/delete", experiment_id=experiment)
        release_log._experiment()
        calls = stages["a training collected"]
        [second, _] = trainings.read_all()
        trainings.delete(second)
        assert len(trainings.read_all()) == 1
        trainings.delete(second)
    finally:
        http_client.request = request
        remove(training, release_log._experiment())
    text = json.dumps(stages, indent=2) + "\n"
    for number, run in enumerate(runs):
        instead[run["run_id"]] = f"run{number + 1}" if number < 2 else f"release{number}"
    for real, ours in instead.items():
        text = text.replace(real, ours)
    for real, ours in ((training, "0"), (experiment, "1")):
        text = re.sub(
            rf"""(experiment_ids?": (?:\[\s*)?"|mlflow-artifacts(?::|/artifacts)/|artifact: '){real}\b""",
            rf"\g<1>{ours}",
            text,
        )
    keep("mlflow.json", text)


def call(path, method="POST", **fields):
    """A call that is not recorded."""
    status, text = request(
        f"{API}mlflow/{path}", method, json.dumps(fields).encode(), {"Content-Type": "application/json"}
    )
    assert status == 200, (path, status, text)
    return json.loads(text)


def missing(make, *args, **tags):
    """A call of what is not there."""
    try:
        make(*args, **tags)
    except model_registry.Missing:
        return
    raise AssertionError(f"{make.__name__}{args} is there")


def unknown_model():
    missing(model_registry.get, "1")
    assert model_registry.of_image(IMAGE) == list(model_registry.passed()) == []
    assert model_registry.alias("staging") is None
    assert model_registry.aliases() == {} and model_registry.all_versions() == []


def train(experiment, version):
    """A registered version, as training leaves it; returns its run."""
    tags = [{"key": "data_sha256", "value": f"data{version}"}]
    run = call(
        "runs/create", experiment_id=experiment, run_name="train", start_time=release_log.milliseconds(), tags=tags
    )["run"]["info"]
    request(f"{API}{artifact(run['artifact_uri'])}", "PUT", b"weights")
    call("runs/update", run_id=run["run_id"], status="FINISHED", end_time=release_log.milliseconds())
    call("model-versions/create", name=constants.MODEL, source=run["artifact_uri"], run_id=run["run_id"])
    return run


def artifact(uri, file="food11.onnx"):
    return f"mlflow-artifacts/artifacts{uri.removeprefix('mlflow-artifacts:')}/{file}"


def registered(uri):
    """What model_registry.py asks and writes."""
    model_registry.get("1")
    model_registry.tag(
        "1",
        image_digest=IMAGE,
        gate__load=json.dumps({"gate": "load", "verdict": "pass", "metrics": {"p95Ms": 110.5}}),
    )
    model_registry.move_alias("staging", "1")
    model_registry.move_alias("canary", "1")
    model_registry.move_alias("staging", "2")
    assert model_registry.aliases() == {"canary": "1", "staging": "2"}
    model_registry.get("2")
    model_registry.tag("1", staging__verdict="pass")
    model_registry.tag("2", staging__verdict="pass")
    model_registry.mark_changed(model_registry.get("1"))
    assert [version.number for version in model_registry.of_image(IMAGE)] == ["1"]
    page, model_registry.PAGE = model_registry.PAGE, 1
    assert {version.number for version in model_registry.passed()} == {"1", "2"}
    model_registry.PAGE = page
    missing(model_registry.mark_changed, model_registry.ModelVersion({"version": "99"}))
    missing(model_registry.get, "99")
    missing(model_registry.tag, "99", a="b")
    missing(
        model_registry.call,
        "POST",
        "registered-models/alias",
        {"name": constants.MODEL, "alias": "staging", "version": "99"},
    )
    model_registry.drop_alias("staging")
    model_registry.drop_alias("staging")
    model_registry.call("DELETE", "registered-models/alias", {"name": constants.MODEL, "alias": "staging"})
    model_registry.call("GET", "model-versions/get-download-uri", {"name": constants.MODEL, "version": "1"})
    missing(model_registry.call, "GET", "model-versions/get-download-uri", {"name": constants.MODEL, "version": "99"})
    for file in ("food11.onnx", "nothing"):
        http_client.request(f"{API}{artifact(uri, file)}")
    for _ in ("there", "gone"):
        model_registry.delete_files(uri)
    http_client.request(f"{API}{artifact(uri)}")


def released():
    """What release_log.py asks and writes; returns the runs."""
    one, two = ({"metadata": {"name": f"deploy-{uid}", "uid": uid, "labels": {}}} for uid in ("one", "two"))
    child_workflows.current = lambda: one
    first = release_log.begin("deploy", "staging", "1")
    assert release_log.begin("deploy", "staging", "1").run == first.run
    first.end("deployed", "staging serves 1.0.1", Served("1.0.1", f"sha256:{'1' * 64}"))
    second = release_log.begin("revert", "staging")
    child_workflows.current = lambda: two
    release_log.close_interrupted("staging", "staging serves 1.0.1", Served("1.0.1", f"sha256:{'1' * 64}"))
    assert release_log.last_served("staging").served.app_version == "1.0.1"
    assert len(release_log.read_all()) == 2
    assert release_log._origin("0" * 32) == {}
    return [{"run_id": record.run} for record in (first, second)]


def remove(*experiments):
    """MLflow keeps deleted experiments and runs until its own `mlflow gc`: they show up nowhere."""
    call("registered-models/delete", "DELETE", name=constants.MODEL)
    for experiment in experiments:
        for run in call("runs/search", experiment_ids=[experiment]).get("runs", []):
            call("runs/delete", run_id=run["info"]["run_id"])
        call("experiments/delete", experiment_id=experiment)
