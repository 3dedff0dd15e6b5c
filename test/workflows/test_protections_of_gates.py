"""Protections that no other test would miss: the gates, and what comes in and goes out as text."""

import pytest
import test_gates
from conftest import pod, says
from test_build import APPEND
from test_gates import CANDIDATE, LOAD, judged, load

staging = test_gates.staging


def test_integration_takes_no_class_out_of_an_error(staging):
    staging.app.paths["/test"] = (500, "Bread")
    assert judged(staging, "integration")[:2] == ("fail", "/test answers 500: Bread")


def test_integration_fails_when_another_version_answers_after_the_test(staging):
    staging.app.paths["/version"] = [(200, f'{{"model_version": "1.0.{version}"}}') for version in (7, 6)]
    assert judged(staging, "integration")[:2] == ("fail", "the candidate stopped answering during the test")


def test_a_verdict_stands_without_mlflow(staging):
    staging.mlflow.fail_on("set-tag")
    done = staging.run("run-gate.py", GATE="integration", **CANDIDATE, MLFLOW_PATIENCE_SECONDS="1")
    assert done.returncode == 0 and staging.output("verdict") == "pass" and done.stderr.startswith("Not recorded in MLflow: ")


def test_a_verdict_stands_where_mlflow_does_not_take_it(staging):
    del staging.mlflow.versions["7"]
    done = staging.run("run-gate.py", GATE="integration", **CANDIDATE)
    assert done.returncode == 0 and staging.output("verdict") == "pass"
    assert done.stderr == "Not recorded in MLflow: MLflow knows no version 7 of GourmetGramFood11Model: train one first.\n"


def test_load_fails_when_hey_counts_nothing(staging):
    staging.pods_listed("staging", pod(7))
    staging.allow("hey", *["*"] * 9, stdout="Summary:\n")
    assert judged(staging, "load", **LOAD)[:2] == ("fail", "hey reports no answers and no errors")


def test_load_must_be_over_its_bar(staging, monkeypatch):
    monkeypatch.setitem(LOAD, "LOAD_MIN_SUCCESS_PERCENT", "80")
    assert load(staging, "flaky")[:2] == ("fail", "80 % of 100 requests succeeded, it must be over 80 %")


def test_load_names_a_kill(staging):
    verdict, reason, _ = load(staging, "good", pod(7, "oom-recovered"))
    assert verdict == "fail" and reason.startswith("under load: OOMKilled: ")


def test_load_fails_when_another_version_answers_after_it(staging):
    staging.app.serves(6)
    assert load(staging, "good")[:2] == ("fail", "after the load staging answers 1.0.6 on /version, not 1.0.7")


@pytest.mark.parametrize("value", ["", "1e3", "0x10", "10\n", "10;id", "-10", "nan", "inf", "1_0", "\u0661\u0660", "10.", "4", "301", "9" * 400])
def test_a_number_is_a_number_within_its_bounds(monkeypatch, value):
    import inputs

    monkeypatch.setenv("X", value)
    with pytest.raises(inputs.Refused, match="^X .* is not a number from 5 to 300.$"):
        inputs.number("X", 5, 300)


def test_an_output_is_one_short_line_of_ascii():
    import outputs

    assert outputs.clean("caf\u00e9\n\t{{x}}") == "caf? { {x} }"
    assert outputs.clean("x" * 500) == "x" * 500 and outputs.clean("x" * 501) == "x" * 497 + "..."


@pytest.mark.parametrize(
    "model,printed,said",
    [(b"", says("crane", "append")["stdout"], "food11.onnx of version 7 is empty"), (b"weights", "pushed\n", "crane append printed no digest but 'pushed'")],
)
def test_what_was_not_built_has_no_digest(world, model, printed, said):
    world.mlflow.add(7)
    world.mlflow.files["0/run7/artifacts/food11.onnx"] = model
    world.allow("crane", *APPEND, stdout=printed)
    done = world.run("build-image.py", MODEL_VERSION="7")
    assert done.returncode == 1 and said in done.stderr and "image_digest" not in world.mlflow.versions["7"]
