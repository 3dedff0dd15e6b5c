"""The comparison with production's model, on a real MLflow store and real ONNX files."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient

import production
import serving
from conftest import ROOT, onnx_model
from pictures import CLASSES, DataSet
from settings import read_settings

MODEL = "GourmetGramFood11Model"
# Red, green and blue, which the small model knows as the first three classes.
INPUTS = np.zeros((30, 3, 224, 224), np.float32)
LABELS = np.arange(30) % 3
INPUTS[np.arange(30), LABELS] = 1


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path}/store")
    mlflow.set_tracking_uri(f"file://{tmp_path}/store")
    return MlflowClient()


@pytest.fixture
def release(client, tmp_path):
    """Registers a model as the training does, and lets production serve it."""

    def register(path=None, alias="production", sha256=None, tags=None):
        path = path or onnx_model(tmp_path / "food11.onnx")
        with mlflow.start_run() as run:
            mlflow.log_artifact(str(path), "model")
            mlflow.set_tag("sha256.food11.onnx", sha256 or hashlib.sha256(path.read_bytes()).hexdigest())
        if not client.search_registered_models():
            client.create_registered_model(MODEL)
        source = f"{client.get_run(run.info.run_id).info.artifact_uri}/model"
        version = client.create_model_version(MODEL, source, run.info.run_id, tags=tags, await_creation_for=None)
        client.set_registered_model_alias(MODEL, alias, version.version)
        return run.info.run_id, source

    return register


def judge(client, answered, **env):
    """The judgement, the tags of the version, the lines that were printed, and the run that it was recorded in."""
    said = []
    chosen = read_settings([], {"MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(), "THREADS": "1"} | env)
    held_out = DataSet(np.zeros((30, 1, 1, 3), np.uint8), LABELS, {"dark": np.arange(30) < 10})
    with mlflow.start_run() as run:
        verdict, tags = production.judge(client, chosen, held_out, answered, np.split(INPUTS, 2), said.append)
    return verdict, tags, said, client.get_run(run.info.run_id)


def test_it_is_compared_with_what_production_serves_and_both_are_recorded(client, release):
    release()
    verdict, tags, said, run = judge(client, LABELS)
    assert verdict.reasons == []
    assert tags == {
        "judgement": "passed beside production's 1.0.1",
        "judgement.overall": "100.0 % (100.0 %)",
        "judgement.class": ", ".join(f"{name} 100.0 % (100.0 %)" for name in CLASSES[:3]),
        "judgement.slice": "dark 100.0 % (100.0 %)",
    }
    assert run.data.tags.items() >= tags.items()
    assert run.data.metrics["accuracy.class.Bread"] == run.data.metrics["production_accuracy"] == 1
    compared = mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/comparison.json")
    assert compared["production"] == "1.0.1" and len(compared["groups"]) == 5
    assert said == [
        "compared with production's 1.0.1, its accuracy in brackets",
        *(f"accuracy {kind}: {tags[f'judgement.{kind}']}" for kind in ("overall", "class", "slice")),
    ]


def test_a_worse_model_is_turned_away_by_the_margin_of_the_settings(client, release):
    release()
    worse = np.where(np.arange(30) < 3, 10, LABELS)
    verdict, tags, said, _ = judge(client, worse)
    reason = "accuracy 90.0 % is 10 points below production's 1.0.1 (100.0 %), and the bar is 2 points"
    assert verdict.reasons == [reason] and tags["judgement"] == f"failed: {reason}"
    assert not any("would not be registered" in line for line in said)
    assert judge(client, worse, JUDGEMENT_MARGIN="0.1")[0].reasons == []


def test_a_dry_run_says_what_it_would_have_done(client, release):
    release()
    verdict, _, said, _ = judge(client, np.full(30, 10), JUDGEMENT_DRY_RUN="true")
    assert said[-1] == f"would not be registered, but JUDGEMENT_DRY_RUN is set: {'; '.join(verdict.reasons)}"


def test_the_class_bar_of_the_settings_counts_without_a_model_to_compare(client):
    given = np.where(LABELS == 2, 10, LABELS)
    assert judge(client, given)[0].outcome == "below-class-bar"
    assert judge(client, given, JUDGEMENT_CLASS_BAR="0")[0].reasons == []


def test_without_a_model_in_production_it_is_not_compared(client, release):
    nothing = "not compared: no version has the alias production"
    assert judge(client, np.where(np.arange(30) < 3, 10, LABELS))[2][0] == nothing
    release(alias="canary")
    verdict, tags, _, run = judge(client, LABELS)
    assert (verdict.reasons, tags["judgement"], tags["judgement.overall"]) == ([], nothing, "100.0 %")
    assert "production_accuracy" not in run.data.metrics


def test_a_collected_model_is_not_compared(client, release):
    release(tags={"retention.collected": "2026-01-01T00:00:00Z"})
    assert judge(client, LABELS)[2][0] == "not compared: the file of production's 1.0.1 was collected"


def test_a_file_that_is_gone_is_not_compared(client, release):
    _, source = release()
    (Path(source.removeprefix("file://")) / "food11.onnx").unlink()
    assert judge(client, LABELS)[2][0] == "not compared: the file of production's 1.0.1 is not in MLflow"


def test_a_file_that_its_run_does_not_vouch_for_is_not_compared(client, release):
    run, _ = release(sha256="0" * 64)
    other = "not compared: the file of production's 1.0.1 is not the one that its training recorded"
    assert judge(client, LABELS)[2][0] == other
    client.delete_tag(run, "sha256.food11.onnx")
    assert judge(client, LABELS)[2][0] == other


def test_a_file_that_does_not_run_is_not_compared(client, release, tmp_path):
    damaged = tmp_path / "food11.onnx"
    damaged.write_bytes(b"no model")
    release(path=damaged)
    assert judge(client, LABELS)[2][0].startswith("not compared: the model of production's 1.0.1 does not run: ")


def test_an_mlflow_that_cannot_be_reached_ends_the_training(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(mlflow.MlflowException, match="Connection refused"):
        serving.by_alias(MlflowClient("http://127.0.0.1:1"), MODEL)


@pytest.fixture
def served():
    """Starts a production that answers /version with this status and text; returns the setting that names it."""
    servers = []

    def start(status, text, probe="judgement"):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                assert (self.path, self.headers["X-Probe"]) == ("/version", probe)
                self.send_response(status)
                # As the app does: without it, the steps take no answer for a whole one.
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f'{{"production": "http://127.0.0.1:{servers[-1].server_port}"}}'

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_production_says_counts_and_not_the_alias(client, release, served):
    release()
    release(alias="other")
    environments = served(200, '{"model_version": "1.0.2"}')
    assert judge(client, LABELS, ENVIRONMENTS=environments)[1]["judgement"] == "passed beside production's 1.0.2"
    client.delete_registered_model_alias(MODEL, "production")
    assert judge(client, LABELS, ENVIRONMENTS=environments)[1]["judgement"] == "passed beside production's 1.0.2"


def test_a_version_that_production_serves_and_mlflow_no_longer_has_is_named(client, release, served):
    release()
    environments = served(200, '{"model_version": "1.0.7"}')
    gone = "not compared: MLflow no longer has version 7, which production serves as 1.0.7"
    assert judge(client, LABELS, ENVIRONMENTS=environments)[2][0] == gone


def test_a_production_without_a_model_is_not_compared_whatever_the_alias_says(client, release, served):
    release()
    environments = served(404, '{"error": "versions.txt not found"}')
    nothing = "not compared: production serves no model yet"
    assert judge(client, LABELS, ENVIRONMENTS=environments)[2][0] == nothing


@pytest.mark.parametrize(
    "status, text, why",
    [
        (503, "", "status 503"),
        (200, "<html>", "it answers no JSON"),
        (200, "[]", "it answers no version"),
        (200, '{"model_version": "2.0"}', "it answers no version"),
    ],
)
def test_where_production_does_not_say_it_the_alias_counts(client, release, served, status, text, why):
    release()
    _, tags, said, _ = judge(client, LABELS, ENVIRONMENTS=served(status, text))
    assert said[0] == f"production does not say what it serves ({why}): the alias production counts"
    assert tags["judgement"] == "passed beside production's 1.0.1"


def test_where_nobody_answers_the_alias_counts(client, release):
    release()
    _, tags, said, _ = judge(client, LABELS, ENVIRONMENTS='{"production": "http://127.0.0.1:1"}')
    assert "Connection refused" in said[0] and tags["judgement"] == "passed beside production's 1.0.1"


@pytest.mark.parametrize(
    "status, text",
    [
        (200, '{"model_version": "1.0.7"}'),
        (404, '{"error": "versions.txt not found"}'),
        (503, ""),
        (200, "<html>"),
        (200, "[]"),
        (200, "{}"),
    ],
)
def test_it_reads_an_answer_as_the_steps_do(served, monkeypatch, status, text):
    monkeypatch.syspath_prepend(ROOT / "workflows")
    from lib import rollout

    def url(probe):
        return json.loads(served(status, text, probe))["production"]

    monkeypatch.setenv("ENVIRONMENTS", json.dumps({"staging": url("gate")}))
    expected = rollout.version_of("staging")
    if expected is None:
        assert serving.ask(url("judgement")) is None
    elif expected.startswith("1.0."):
        assert serving.app_version(serving.ask(url("judgement"))) == expected
    else:  # a sentence in place of a version
        with pytest.raises(OSError):
            serving.ask(url("judgement"))
