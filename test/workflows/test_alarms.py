"""restore.py after staging: a version that runs badly in an environment loses its pass, and goes on serving there."""

import json
import re
import time

import pytest

from conftest import digest, passed, pod, says
from lib import instant
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


def look(world, server=None, environment="production", has_gateway=False, **given):
    """`given`: other bars than those of every stack."""
    figures = {}
    if server:
        figures = {"PROMETHEUS_URL": server.url, "ANALYSIS": json.dumps({**BARS, **given})}
    if has_gateway:
        figures["TRAFFIC"] = json.dumps(SETTINGS)
    done = world.run("restore", TARGET_ENVIRONMENT=environment, **figures)
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


@pytest.mark.parametrize("seconds,wanted", [(60, "withdrawn"), (3500, "withdrawn"), (3700, "pass")])
@pytest.mark.parametrize("since", ["it passed", "it was released"])
def test_a_crash_counts_since_then_however_late_the_look_comes(production, since, seconds, wanted):
    hour_ago = int(time.time()) - 3600
    if since == "it passed":
        production.mlflow.versions["7"]["staging.verdict_at"] = instant.timestamp(hour_ago)
    else:
        production.application("production", 7, held=7, held_at=hour_ago * 1000)
    production.pods_listed("production", ended(seconds, "crash-recovered", 1))
    look(production)
    assert verdict(production) == wanted


@pytest.mark.parametrize("seconds,wanted", [(86000, "withdrawn"), (87000, "pass")])
def test_a_crash_counts_for_a_day(production, seconds, wanted):
    production.pods_listed("production", ended(seconds, "crash-recovered", 1))
    look(production)
    assert verdict(production) == wanted


def test_a_time_that_a_person_mistyped_hides_no_crash(production):
    production.mlflow.versions["7"]["staging.verdict_at"] = "yesterday"
    production.pods_listed("production", ended(60, "crash-recovered", 1))
    look(production)
    assert verdict(production) == "withdrawn"


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


def test_they_do_at_a_gateway_too(production, server):
    server.errors["1.0.7"] = 60
    production.pods_listed("production", pod(7))
    production.application("canary", 7, held=7)
    has_route(production, None)
    look(production, server, has_gateway=True)
    assert verdict(production) == "withdrawn"


DRY_RUN = {"success": {**BARS["success"], "dryRun": True}}


def test_a_bar_that_is_only_tried_takes_no_pass_and_an_event_says_so(production, server):
    server.errors["1.0.7"] = 60
    production.pods_listed("production", pod(7))
    look(production, server, **DRY_RUN)
    [(reason, message)] = production.events()
    assert (verdict(production), reason) == ("pass", "PassInQuestion")
    said = r"1\.0\.7 keeps its pass, since the check is a dry run: success 85 % of 400, between .* %, the bar is 95 %"
    assert re.fullmatch(said, message)


def test_a_bar_that_is_only_tried_lets_no_crash_pass(production, server):
    production.pods_listed("production", ended(60))
    look(production, server, **DRY_RUN)
    assert verdict(production) == "withdrawn"


@pytest.fixture
def canary(production):
    """Canary serves 7 too, and its container has just run out of memory there."""
    production.mlflow.aliases["canary"] = "7"
    production.mlflow.served("canary", "1.0.7", digest(7))
    production.application("canary", 7, held=7)
    production.pods_listed("canary", ended(60))
    return production


def test_a_version_that_runs_badly_in_canary_loses_its_pass_where_no_gateway_watches_it(canary):
    look(canary, environment="canary")
    assert canary.mlflow.versions["7"]["staging.reason"].startswith("canary: OOMKilled")
    assert [reason for reason, _ in canary.events()] == ["PassWithdrawn"]


def test_the_watch_of_a_gateway_judges_canary_itself(canary):
    has_route(canary, None)
    look(canary, environment="canary", has_gateway=True)
    assert (verdict(canary), canary.events()) == ("pass", [])


def test_a_version_that_runs_badly_between_staging_and_canary_loses_its_pass(production):
    production.mlflow.aliases["shadow"] = "7"
    production.mlflow.served("shadow", "1.0.7", digest(7))
    production.application("shadow", 7, held=7)
    production.pods_listed("shadow", ended(60))
    path = production.environments("staging", "shadow", "canary", "production")
    done = production.run("restore", TARGET_ENVIRONMENT="shadow", ENVIRONMENTS=path)
    assert done.returncode == 0, done.stderr
    assert production.mlflow.versions["7"]["staging.reason"].startswith("shadow: OOMKilled")


@pytest.mark.parametrize("analysis", ["[]", "{}", "none", json.dumps({**BARS, "minimumRequests": 0})])
def test_an_analysis_that_says_nothing_is_refused(production, server, analysis):
    production.pods_listed("production", pod(7))
    given = {"PROMETHEUS_URL": server.url, "ANALYSIS": analysis}
    done = production.run("restore", TARGET_ENVIRONMENT="production", **given)
    assert done.returncode == 2 and "does not say how figures are judged: run pulumi up." in done.stderr


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
