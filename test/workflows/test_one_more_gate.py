"""A fourth gate, by one module and one step: the step is judged in one-more-gate.test.ts, the module here."""

import json
import shutil

import pytest

from conftest import WORKFLOWS, act_on_verdict, digest

LATENCY = '''"""Latency gate: one request is answered in time."""

import time

from lib import http_client, inputs
from lib.verdict import Verdict


def check(_version: str, _digest: str) -> Verdict:
    began = time.monotonic()
    http_client.request(f"{inputs.service_url('staging')}/test")
    milliseconds = 1000 * (time.monotonic() - began)
    return Verdict("pass" if milliseconds < LIMIT else "fail", "one request was answered", inTime=milliseconds < LIMIT)


LIMIT = 10_000
'''


@pytest.fixture
def four(world, tmp_path):
    """The folder of the workflows, with that gate."""
    workflows = tmp_path / "workflows"
    shutil.copytree(WORKFLOWS, workflows)
    (workflows / "gates" / "latency.py").write_text(LATENCY)
    world.mlflow.add(7, image_digest=digest(7))
    world.registry_has(7)
    return workflows


def ask(world, workflows, gate="latency"):
    return world.run("run_gate", workflows, GATE=gate, MODEL_VERSION="7", DIGEST=digest(7))


def test_runs_and_is_on_record(world, four):
    done = ask(world, four)
    assert done.returncode == 0, done.stderr
    report = {"gate": "latency", "verdict": "pass", "reason": "one request was answered", "metrics": {"inTime": True}}
    assert json.loads(world.output("report")) == json.loads(world.mlflow.versions["7"]["gate.latency"]) == report
    assert (world.output("verdict"), world.output("decided")) == ("pass", "no")


def test_decides_when_it_fails(world, four):
    (four / "gates" / "latency.py").write_text(LATENCY.replace("10_000", "0"))
    assert ask(world, four).returncode == 0
    assert (world.output("verdict"), world.output("decided")) == ("fail", "yes")


@pytest.mark.parametrize("script", ["def check(", "import nothing_of_this_name", "", "def check(): pass"])
def test_that_is_broken_is_inconclusive(world, four, script):
    (four / "gates" / "latency.py").write_text(script)
    assert ask(world, four).returncode == 0
    assert (world.output("verdict"), world.output("decided")) == ("inconclusive", "yes")
    assert json.loads(world.output("report"))["reason"].startswith("the latency check itself broke: ")


@pytest.mark.parametrize("verdict,child", [("pass", "promote-model"), ("fail", "revert-staging")])
def test_is_heard_like_the_others(world, four, verdict, child):
    world.mlflow.aliases["staging"] = "7"
    world.current_workflow()
    world.child(outcome="promoted", reason="")
    done = act_on_verdict(
        world,
        "promote" if verdict == "pass" else "revert",
        "pass",
        "pass",
        "pass",
        verdict,
        names=("integration", "resource", "load", "latency"),
    )
    assert done.returncode == 0, done.stderr
    assert world.created()[0]["spec"]["workflowTemplateRef"]["name"] == child
    assert json.loads(world.mlflow.versions["7"]["gate.latency"])["verdict"] == verdict
