"""A fourth gate, by one script and one line: the line is judged in one-more-gate.test.ts, the script here."""

import json
import shutil

import pytest
from conftest import SCRIPTS, digest
from test_chain import conclude

LATENCY = '''"""Latency gate: one request is answered in time."""

import time

import gate
import names
import web


def check(_version, _digest):
    began = time.monotonic()
    web.request(f"{names.service_url('staging')}/test")
    milliseconds = 1000 * (time.monotonic() - began)
    return gate.Verdict("pass" if milliseconds < LIMIT else "fail", "one request was answered", inTime=milliseconds < LIMIT)


LIMIT = 10_000
'''


@pytest.fixture
def four(world, tmp_path):
    """The scripts, and that one beside them."""
    scripts = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, scripts)
    (scripts / "gate-latency.py").write_text(LATENCY)
    world.mlflow.add(7, image_digest=digest(7))
    return scripts


def ask(world, scripts, gate="latency"):
    return world.run("run-gate.py", scripts, GATE=gate, MODEL_VERSION="7", DIGEST=digest(7))


def test_runs_and_is_on_record(world, four):
    done = ask(world, four)
    assert done.returncode == 0, done.stderr
    report = {"gate": "latency", "verdict": "pass", "reason": "one request was answered", "metrics": {"inTime": True}}
    assert json.loads(world.output("report")) == json.loads(world.mlflow.versions["7"]["gate.latency"]) == report
    assert (world.output("verdict"), world.output("decided")) == ("pass", "no")


def test_decides_when_it_fails(world, four):
    (four / "gate-latency.py").write_text(LATENCY.replace("10_000", "0"))
    assert ask(world, four).returncode == 0
    assert (world.output("verdict"), world.output("decided")) == ("fail", "yes")


@pytest.mark.parametrize("script", ["def check(", "import nothing_of_this_name", "", "def check(): pass"])
def test_that_is_broken_is_inconclusive(world, four, script):
    (four / "gate-latency.py").write_text(script)
    assert ask(world, four).returncode == 0
    assert (world.output("verdict"), world.output("decided")) == ("inconclusive", "yes")
    assert json.loads(world.output("report"))["reason"].startswith("the latency check itself broke: ")


@pytest.mark.parametrize("verdict,child", [("pass", "promote-model"), ("fail", "revert-staging")])
def test_is_heard_like_the_others(world, four, verdict, child):
    world.mlflow.aliases["staging"] = "7"
    world.own_workflow()
    world.child(outcome="promoted", reason="")
    done = conclude(world, "promote" if verdict == "pass" else "revert", "pass", "pass", "pass", verdict, names=("integration", "resource", "load", "latency"))
    assert done.returncode == 0, done.stderr
    assert world.created()[0]["spec"]["workflowTemplateRef"]["name"] == child
    assert json.loads(world.mlflow.versions["7"]["gate.latency"])["verdict"] == verdict
