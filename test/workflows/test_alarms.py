"""restore.py after staging: a version that runs badly in an environment loses its pass, and goes on serving there."""

import json
import re
import time

import pytest

from conftest import BASE, digest, passed, pod, says
from lib import instant, signing_keys, statement
from lib.gate_verdicts import WITHDRAWAL
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


def look(world, server=None, environment="production", has_gateway=False, key="", **given):
    """`key`: the file of the key that the step signs with. `given`: other bars than those of every stack."""
    figures = {"SIGNING_KEY": key} if key else {}
    if server:
        figures |= {"PROMETHEUS_URL": server.url, "ANALYSIS": json.dumps({**BARS, **given})}
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


def signs(world):
    """A look at production by a step that has the key of the releases."""
    look(world, key=str(world.keys.private("release")))


def withdrawals(world, version):
    """How often it is signed that the image of a version lost its pass."""
    keys = {signing_keys.key_id(key): key for key in [world.keys.key("release").public_key()]}
    envelopes = [one for one in world.attestations(digest(version)) if statement.kind_of(one) == WITHDRAWAL]
    return len([statement.read(envelope, keys, WITHDRAWAL) for envelope in envelopes])


def test_an_image_that_runs_badly_loses_its_pass_and_its_version_keeps_that_of_another_image(production):
    production.mlflow.add(7, **{**passed(8), "staging__verdict_at": instant.timestamp(int(time.time()) - 5)})
    production.pods_listed("production", ended(60))
    for _ in range(2):
        signs(production)
    assert (verdict(production), withdrawals(production, 7), withdrawals(production, 8)) == ("pass", 1, 0)
    assert [reason for reason, _ in production.events()] == ["PassWithdrawn"]


@pytest.mark.parametrize("earlier", [[], ["2025-12-31T00:00:00Z"]])
def test_a_withdrawal_that_only_mlflow_has_is_signed_once(production, earlier):
    production.mlflow.versions["7"]["staging.verdict"] = "withdrawn"
    for signed_at in earlier:
        production.withdrawn(7, signed_at)
    production.pods_listed("production", pod(7))
    for _ in range(2):
        signs(production)
    assert withdrawals(production, 7) == len(earlier) + 1 and production.events() == []


def test_a_withdrawal_that_is_signed_stops_no_test_that_is_under_way(production):
    production.mlflow.versions["7"]["staging.verdict"] = "withdrawn"
    production.withdrawn(7, "2026-01-02T00:00:00Z")
    production.judge(7, "integration", at="2026-01-03T00:00:00Z")
    production.pods_listed("production", pod(7))
    signs(production)
    assert withdrawals(production, 7) == 1


def test_a_registry_that_is_away_keeps_no_pass_in_mlflow_and_the_signature_follows(production):
    production.pods_listed("production", ended(60))
    index = ["crane", "manifest", f"{BASE.partition('@')[0]}:{digest(7).replace(':', '-')}"]
    production.allow(*index, **says("crane", "refused"))
    signs(production)
    assert (verdict(production), withdrawals(production, 7)) == ("withdrawn", 0)
    production.rules["crane"].pop()
    signs(production)
    assert withdrawals(production, 7) == 1 and [reason for reason, _ in production.events()] == ["PassWithdrawn"]


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
