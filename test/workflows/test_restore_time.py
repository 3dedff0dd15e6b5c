"""restore_time.py: how long an environment took to serve again what it should, as `npm run figures` has it."""

import json
import time
from pathlib import Path

import pytest

from conftest import comes_back, digest, pod, says
from lib import restore_time
from lib.release_log import Ended
from lib.restore_time import Restoration
from servers import NOW

CASES = json.loads((Path(__file__).parent / "restorations.json").read_text())


def ended(record):
    fields = (record[key] for key in ("action", "outcome", "reason", "start", "end", "serves", "told"))
    return Ended(*fields)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_is_that_of_the_figures(case):
    records = reversed([ended(record) for record in case["records"]])
    found = restore_time.restorations("production", records)
    assert found == [Restoration(*one) for one in case["restorations"]]


def fails_before(world, environment, minutes, reason="timeout"):
    """A release that failed so many minutes ago, and put nothing back."""
    world.mlflow.open_release("failed", action="deploy", environment=environment, outcome="broken", reason=reason)
    began = int(time.time() * 1000) - 60_000 * minutes
    world.mlflow.runs["failed"] |= {"status": "FAILED", "started": began, "ended": began + 60_000}
    world.mlflow.runs["failed"]["tags"]["target_changed"] = "yes"


def test_a_revert_tells_it_from_the_release_that_failed(unjudged):
    fails_before(unjudged, "staging", 30)
    comes_back(unjudged)
    assert unjudged.run("revert", FAILED_VERSION="8", REASON="load: p95 3 s").returncode == 0
    assert unjudged.output("restored-environment") == "staging"
    assert 1800 <= int(unjudged.output("restore-seconds")) < 1860


def test_none_is_told_where_nothing_had_to_be_restored(unjudged):
    unjudged.mlflow.record("revert", "staging", 5, NOW)
    unjudged.mlflow.runs[next(reversed(unjudged.mlflow.runs))]["tags"]["outcome"] = "reverted"
    unjudged.pods_watched("staging", (0, "ADDED", pod(8)))
    unjudged.app.serves(8)
    done = unjudged.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="8", DIGEST=digest(8))
    assert done.returncode == 0 and unjudged.output("restore-seconds") is None


def test_a_deployment_that_serves_tells_it_of_the_one_before(unjudged):
    fails_before(unjudged, "staging", 10)
    unjudged.pods_watched("staging", (0, "ADDED", pod(8)))
    unjudged.app.serves(8)
    done = unjudged.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="8", DIGEST=digest(8))
    assert done.returncode == 0, done.stderr
    assert unjudged.output("restored-environment") == "staging"
    assert 600 <= int(unjudged.output("restore-seconds")) < 660


def test_a_promotion_that_serves_tells_it_of_the_one_before(world):
    world.mlflow.add(7, image_digest=digest(7), staging__verdict="pass", staging__digest=digest(7))
    world.registry_has(7)
    world.passes(7)
    fails_before(world, "canary", 10)
    world.current_workflow()
    world.frozen()
    world.source("staging", pod(7))
    world.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    world.application("canary", 6)
    world.patchable("canary")
    world.pods_watched("canary", (0, "ADDED", pod(7)))
    world.app.serves(7)
    given = {"SOURCE_ENVIRONMENT": "staging", "TARGET_ENVIRONMENT": "canary", "MODEL_VERSION": "7"}
    done = world.run("promote", **given)
    assert done.returncode == 0, done.stderr
    assert world.output("restored-environment") == "canary"
    assert 600 <= int(world.output("restore-seconds")) < 660


def test_mlflow_that_is_away_costs_the_figure_alone(world, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", world.mlflow.url)
    monkeypatch.setenv("MLFLOW_PATIENCE_SECONDS", "1")
    monkeypatch.setenv("OUTPUT_DIR", str(world.out))
    world.mlflow.away = 1000
    restore_time.tell(0, ["canary"])
    assert world.output("restore-seconds") is None
    assert "MLflow does not say how long a restoration took" in capsys.readouterr().err


def test_what_ended_before_a_step_began_is_not_told_again(world, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", world.mlflow.url)
    monkeypatch.setenv("OUTPUT_DIR", str(world.out))
    fails_before(world, "canary", 30, "timeout canary is back on 1.0.6.")
    world.mlflow.record("promote", "canary", 7, int(time.time() * 1000))
    restore_time.tell(int(time.time() * 1000) - 60_000, ["canary"])
    assert world.output("restore-seconds") is None


def test_of_several_environments_the_longest_is_told(world, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", world.mlflow.url)
    monkeypatch.setenv("OUTPUT_DIR", str(world.out))
    for environment, minutes in (("canary", 9), ("production", 20), ("live", 2)):
        world.mlflow.record("restore", environment, 6, NOW + 60_000 * minutes)
        tags = {"outcome": "restored", "reason": f"{environment} is back on 1.0.6"}
        world.mlflow.runs[next(reversed(world.mlflow.runs))]["tags"] |= tags
    restore_time.tell(NOW + 1, ["canary", "production", "live"])
    assert (world.output("restored-environment"), world.output("restore-seconds")) == ("production", "1200")
    restore_time.tell(NOW + 60_000 * 5, ["live"])
    assert world.output("restored-environment") == "production", "live ended before"
