"""Every call that models.py and releases.py make of MLflow, made by themselves, with MLflow's answer."""

import json
import os
import re
import secrets
import sys

from recording import RECORDED, keep

os.environ.setdefault("MLFLOW_TRACKING_URI", "http://127.0.0.1:8000")
sys.path.insert(0, str(RECORDED.parents[2] / "workflows" / "scripts"))

import children  # noqa: E402
import models  # noqa: E402
import names  # noqa: E402
import releases  # noqa: E402
import web  # noqa: E402

API = f"{names.mlflow_url()}/api/2.0/"
request = web.request


def record():
    """In a model and experiments of its own, whose names and ids then give way to those that `servers.Mlflow` uses."""
    unique = secrets.token_hex(4)
    instead = {f"recording-model-{unique}": names.MODEL, f"recording-releases-{unique}": releases.EXPERIMENT}
    names.MODEL, releases.EXPERIMENT = instead
    stages = {"no model yet": [], "two versions": []}
    calls = stages["no model yet"]

    def noted(url, method="GET", body=None, *more):
        status, text = request(url, method, body, *more)
        answer = json.loads(text) if text.startswith("{") else text
        calls.append({"method": method, "path": url.removeprefix(API), "body": json.loads(body) if body else None, "status": status, "answer": answer})
        return status, text

    training = call("experiments/create", name=f"recording-training-{unique}")["experiment_id"]
    web.request = noted
    try:
        unknown_model()
        call("registered-models/create", name=names.MODEL)
        runs, calls = [train(training, version) for version in ("1", "2")], stages["two versions"]
        registered(runs[0]["artifact_uri"])
        runs += released()
        experiment = releases._experiment()
    finally:
        web.request = request
        remove(training, releases._experiment())
    text = json.dumps(stages, indent=2) + "\n"
    for number, run in enumerate(runs):
        instead[run["run_id"]] = f"run{number + 1}" if number < 2 else f"release{number}"
    for real, ours in instead.items():
        text = text.replace(real, ours)
    for real, ours in ((training, "0"), (experiment, "1")):
        text = re.sub(rf"""(experiment_ids?": (?:\[\s*)?"|mlflow-artifacts(?::|/artifacts)/|artifact: '){real}\b""", rf"\g<1>{ours}", text)
    keep("mlflow.json", text)


def call(path, method="POST", **fields):
    """A call that is not recorded."""
    status, text = request(f"{API}mlflow/{path}", method, json.dumps(fields).encode(), {"Content-Type": "application/json"})
    assert status == 200, (path, status, text)
    return json.loads(text)


def missing(make, *args, **tags):
    """A call of what is not there."""
    try:
        make(*args, **tags)
    except models.Missing:
        return
    raise AssertionError(f"{make.__name__}{args} is there")


def unknown_model():
    missing(models.get, "1")
    assert models.all_versions() == [] and models.alias("staging") is None


def train(experiment, version):
    """A registered version, as training leaves it; returns its run."""
    tags = [{"key": "data_sha256", "value": f"data{version}"}]
    run = call("runs/create", experiment_id=experiment, run_name="train", start_time=releases._milliseconds(), tags=tags)["run"]["info"]
    request(f"{API}{artifact(run['artifact_uri'])}", "PUT", b"weights")
    call("runs/update", run_id=run["run_id"], status="FINISHED", end_time=releases._milliseconds())
    call("model-versions/create", name=names.MODEL, source=run["artifact_uri"], run_id=run["run_id"])
    return run


def artifact(uri, file="food11.onnx"):
    return f"mlflow-artifacts/artifacts{uri.removeprefix('mlflow-artifacts:')}/{file}"


def registered(uri):
    """What models.py asks and writes."""
    models.get("1")
    models.tag("1", image_digest=f"sha256:{'1' * 64}", gate__load=json.dumps({"gate": "load", "verdict": "pass", "metrics": {"p95Ms": 110.5}}))
    models.move_alias("staging", "1")
    models.move_alias("canary", "1")
    models.move_alias("staging", "2")
    models.get("2")
    models.all_versions()
    missing(models.get, "99")
    missing(models.tag, "99", a="b")
    missing(models.call, "POST", "registered-models/alias", {"name": names.MODEL, "alias": "staging", "version": "99"})
    models.drop_alias("staging")
    models.drop_alias("staging")
    models.call("DELETE", "registered-models/alias", {"name": names.MODEL, "alias": "staging"})
    models.call("GET", "model-versions/get-download-uri", {"name": names.MODEL, "version": "1"})
    missing(models.call, "GET", "model-versions/get-download-uri", {"name": names.MODEL, "version": "99"})
    for file in ("food11.onnx", "nothing"):
        web.request(f"{API}{artifact(uri, file)}")


def released():
    """What releases.py asks and writes; returns the runs."""
    one, two = ({"metadata": {"name": f"deploy-{uid}", "uid": uid, "labels": {}}} for uid in ("one", "two"))
    children.own = lambda: one
    first = releases.begin("deploy", "staging", "1")
    assert releases.begin("deploy", "staging", "1").run == first.run
    first.end("deployed", "staging serves 1.0.1", ("1.0.1", f"sha256:{'1' * 64}"))
    second = releases.begin("revert", "staging")
    children.own = lambda: two
    releases.close_interrupted("staging", "staging serves 1.0.1", ("1.0.1", f"sha256:{'1' * 64}"))
    assert releases._origin("0" * 32) == {}
    return [{"run_id": record.run} for record in (first, second)]


def remove(*experiments):
    """MLflow keeps deleted experiments and runs until its own `mlflow gc`: they show up nowhere."""
    call("registered-models/delete", "DELETE", name=names.MODEL)
    for experiment in experiments:
        for run in call("runs/search", experiment_ids=[experiment]).get("runs", []):
            call("runs/delete", run_id=run["info"]["run_id"])
        call("experiments/delete", experiment_id=experiment)
