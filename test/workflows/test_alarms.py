"""restore.py at the end of the path: a version that runs badly in production loses its pass, and goes on serving."""

import json
import re
import time

import pytest

from conftest import digest, passed, pod, says
from test_figures import BARS, Prometheus
from test_promote import at
from test_shift_traffic import SETTINGS, has_route


def ended(seconds, state="oom-looping", restarts=None):
    """A pod of 7 whose container ended so many seconds ago."""
    instant = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))
    return at(instant, pod(7, state, restarts=restarts))


@pytest.fixture
def production(world):
    """Production serves 7, which passed staging; Events can be written."""
    world.mlflow.add(7, **passed(7))
    world.mlflow.aliases["production"] = "7"
    world.mlflow.served("production", "1.0.7", digest(7))
    world.application("production", 7, held=7)
    world.registry_has(7)
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    world.current_workflow(labels={"workflows.argoproj.io/cron-workflow": "cron-restore-releases"})
    return world


@pytest.fixture
def server():
    server = Prometheus()
    server.requests, server.error = {"1.0.7": 400}, "500"
    yield server
    server.stop()


def look(world, server=None, **bars):
    figures = {}
    if server:  # and a gateway, which leads all users to production
        world.application("canary", 7, held=7)
        has_route(world, None)
        traffic = json.dumps({**SETTINGS, "analysis": {**BARS, **bars}})
        figures = {"PROMETHEUS_URL": server.url, "TRAFFIC": traffic}
    done = world.run("restore", TARGET_ENVIRONMENT="production", **figures)
    assert done.returncode == 0, done.stderr
    assert not world.patches()
    return done


def verdict(world):
    return world.mlflow.versions["7"]["staging.verdict"]


def test_a_version_that_runs_out_of_memory_loses_its_pass_and_goes_on_serving(production):
    production.pods_listed("production", ended(60))
    look(production)
    why = "OOMKilled: the model needs more than the memory limit of 256Mi"
    assert verdict(production) == "withdrawn"
    assert production.mlflow.versions["7"]["staging.reason"].startswith(f"production: {why}")
    said = f"1.0.7 lost its pass, and production goes on serving it: {why}"
    [(reason, message)] = production.events()
    assert reason == "PassWithdrawn" and message.startswith(said)
    assert production.output("restored").startswith(said)


@pytest.mark.parametrize("seconds,wanted", [(60, "withdrawn"), (3600, "pass")])
def test_a_crash_counts_for_a_quarter_of_an_hour(production, seconds, wanted):
    production.pods_listed("production", ended(seconds, "crash-recovered", 1))
    look(production)
    assert verdict(production) == wanted


def test_however_often_the_node_restarts_that_is_no_crash(production):
    asked = ended(60, "crash-recovered", 3)
    asked["status"]["containerStatuses"][0]["lastState"]["terminated"].update(reason="Unknown", exitCode=255)
    production.pods_listed("production", asked)
    look(production)
    assert verdict(production) == "pass"


def test_it_is_told_once(production):
    production.mlflow.versions["7"]["staging.verdict"] = "withdrawn"
    production.pods_listed("production", ended(60))
    look(production)
    assert (production.events(), production.output("restored")) == ([], "")


def test_a_version_whose_answers_are_errors_loses_its_pass(production, server):
    server.errors["1.0.7"] = 60
    production.pods_listed("production", pod(7))
    look(production, server)
    said = production.mlflow.versions["7"]["staging.reason"]
    assert re.match(r"production: success 85 % of 400, between .* %, the bar is 95 %", said)


@pytest.mark.parametrize("error,errors,requests", [("503", 300, 400), ("500", 12, 400), ("500", 60, 80)])
def test_an_app_that_is_busy_few_errors_and_few_answers_take_no_pass(production, server, error, errors, requests):
    server.error, server.errors["1.0.7"], server.requests["1.0.7"] = error, errors, requests
    production.pods_listed("production", pod(7))
    look(production, server)
    assert (verdict(production), production.events()) == ("pass", [])


def test_a_bar_that_is_only_tried_takes_no_pass(production, server):
    server.errors["1.0.7"] = 60
    production.pods_listed("production", pod(7))
    look(production, server, success={**BARS["success"], "dryRun": True})
    assert verdict(production) == "pass"


def test_a_prometheus_that_is_away_takes_no_pass(production, server):
    server.whole_answer = (503, b"starting")
    production.pods_listed("production", pod(7))
    done = look(production, server)
    assert verdict(production) == "pass" and "production has no figures: Prometheus" in done.stderr


def test_a_version_that_mlflow_no_longer_has_goes_on_serving(production):
    del production.mlflow.versions["7"]
    del production.mlflow.aliases["production"]
    production.pods_listed("production", ended(60))
    look(production)
    assert "PassWithdrawn" not in [reason for reason, _ in production.events()]


def test_the_base_image_has_no_pass_to_lose(world):
    world.mlflow.served("production", "base", digest("base"))
    world.application("production", held="base")
    world.current_workflow()
    look(world)
