"""abort_canary.py: a version that lost its users loses its pass too, and canary is back on what production serves."""

import json

import pytest

from conftest import digest, pod, says
from lib import gate_verdicts, signing_keys, statement
from lib.traffic import Split
from test_shift_traffic import SETTINGS, has_route, route_becomes, takes_changes

ILL = Split("1.0.7", (1, 10), 5, "OOMKilled: the model needs more than the memory limit of 256Mi (1 restart)")


@pytest.fixture
def ill(world):
    """Version 7 in canary was withdrawn; production serves 6."""
    tags = {"image_digest": digest(7), "staging__verdict": "pass", "staging__digest": digest(7)}
    world.mlflow.add(6, image_digest=digest(6), staging__verdict="pass", staging__digest=digest(6))
    world.mlflow.add(7, **tags)
    world.registry_has(7)
    world.mlflow.aliases.update(canary="7", production="6")
    world.current_workflow({"workflows.argoproj.io/cron-workflow": "cron-shift-traffic"})
    world.application("canary", 7, held=7)
    world.application("production", 6, held=6)
    has_route(world, ILL._replace(copies=340, copies_differing=(("Meat", 5), ("Soup", 7))))
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    return world


def comes_back(ill):
    """Canary runs 6 as soon as it is told to."""
    ill.patchable("canary", pod(7, "oom-restarted"))
    ill.pods_watched("canary", (0, "ADDED", pod(6)))
    ill.app.serves(6)
    takes_changes(ill)


def abort(world):
    return world.run("abort_canary", TRAFFIC=json.dumps(SETTINGS))


def test_canary_is_back_on_what_production_serves_and_the_record_says_why(ill):
    comes_back(ill)
    done = abort(ill)
    assert done.returncode == 0, done.stderr
    sentence = f"1.0.7 was withdrawn: {ILL.withdrawn}; canary is back on 1.0.6"
    assert ill.output("reason") == sentence
    assert ill.mlflow.aliases == {"canary": "6", "production": "6"}
    assert ill.held() == ["1.0.6"]
    [record] = ill.mlflow.releases(action="abort", environment="canary", outcome="aborted", status="FINISHED")
    assert (record["app_version"], record["serves_version"], record["reason"]) == ("1.0.7", "1.0.6", sentence)
    assert record["requested_by"] == "schedule cron-shift-traffic"
    assert json.loads(record["disagreement"])["copies"] == {"compared": 340, "differing": {"Meat": 5, "Soup": 7}}
    assert ("Aborted", sentence) in ill.events()
    assert ill.output("restored-environment") == "canary" and int(ill.output("restore-seconds")) < 60


def test_its_pass_is_withdrawn_so_that_nothing_goes_back_to_it(ill):
    comes_back(ill)
    assert abort(ill).returncode == 0
    tags = ill.mlflow.versions["7"]
    assert (tags["staging.verdict"], tags["staging.reason"]) == ("withdrawn", ILL.withdrawn)
    keys = {signing_keys.key_id(key): key for key in [ill.keys.key("release").public_key()]}
    signed = statement.read(ill.attestations(digest(7))[0], keys, gate_verdicts.WITHDRAWAL)
    assert (signed.subject.sha256, signed.predicate["reason"]) == (digest(7)[7:], ILL.withdrawn)


def test_the_image_that_users_met_loses_its_pass_and_another_one_of_its_version_keeps_it(ill):
    ill.mlflow.add(7, image_digest=digest(8), staging__verdict="pass", staging__digest=digest(8))
    route_becomes(ill, ILL._replace(digest=digest(7)))
    comes_back(ill)
    assert abort(ill).returncode == 0
    assert ill.mlflow.versions["7"]["staging.verdict"] == "pass"
    assert (len(ill.attestations(digest(7))), ill.attestations(digest(8))) == (1, [])
    assert [record["digest"] for record in ill.mlflow.releases(action="abort")] == [digest(7)]


def test_an_image_that_canary_runs_is_not_taken_out_for_an_earlier_one_of_its_version(ill):
    route_becomes(ill, ILL._replace(digest=digest(8)))
    done = abort(ill)
    assert (done.returncode, done.stdout) == (0, "No version that users meet is withdrawn.\n")


def test_its_pass_is_withdrawn_though_that_cannot_be_signed(ill):
    comes_back(ill)
    done = ill.run("abort_canary", TRAFFIC=json.dumps(SETTINGS), SIGNING_KEY="/keys/private/none")
    assert done.returncode == 0 and "The withdrawal is not signed: This step has no key" in done.stderr
    assert ill.mlflow.versions["7"]["staging.verdict"] == "withdrawn" and ill.attestations(digest(7)) == []


def test_a_version_that_was_deleted_meanwhile_is_taken_out_all_the_same(ill):
    del ill.mlflow.versions["7"]
    comes_back(ill)
    done = abort(ill)
    assert (done.returncode, ill.held()) == (0, ["1.0.6"]), done.stderr


def test_canary_stays_where_it_runs_another_version_by_now(world):
    world.current_workflow()
    world.application("canary", 8, held=8)
    has_route(world, ILL)
    done = abort(world)
    assert (done.returncode, done.stdout) == (0, "No version that users meet is withdrawn.\n")


def is_told(world, environment, version, held=7):
    """The environment's Application is told to run this version."""
    world.rules["kubectl"] = [
        rule for rule in world.rules["kubectl"] if f"gourmetgram-{environment}" not in rule["args"]
    ]
    world.application(environment, version, held=held)


def test_an_abort_that_was_interrupted_comes_to_its_end(ill):
    is_told(ill, "canary", 6)
    ill.patchable("canary", pod(6))
    ill.pods_watched("canary", (0, "ADDED", pod(6)))
    ill.app.serves(6)
    takes_changes(ill)
    done = abort(ill)
    assert (done.returncode, ill.held()) == (0, ["1.0.6"]), done.stderr
    assert ill.mlflow.aliases["canary"] == "6"
    assert ill.mlflow.releases(action="abort", outcome="aborted")


@pytest.mark.parametrize("split,why", [(ILL, f": {ILL.withdrawn}"), (None, "")], ids=["waits", "has ended"])
def test_an_abort_that_was_interrupted_once_canary_was_back_comes_to_its_end(ill, split, why):
    comes_back(ill)
    ill.mlflow.fail_on("registered-models/alias")
    given = {"TRAFFIC": json.dumps(SETTINGS), "MLFLOW_PATIENCE_SECONDS": "1"}
    assert ill.run("abort_canary", **given).returncode == 75 and ill.held() == ["1.0.6"]
    ill.mlflow.fail_on(None)
    route_becomes(ill, split)
    is_told(ill, "canary", 6, held=6)
    takes_changes(ill)
    done = abort(ill)
    assert done.returncode == 0, done.stderr
    sentence = f"1.0.7 was withdrawn{why}; canary is back on 1.0.6"
    assert ill.mlflow.aliases["canary"] == "6" and ill.held() == ["1.0.6"]
    [record] = ill.mlflow.releases(action="abort", outcome="aborted", status="FINISHED")
    assert (record["serves_version"], record["reason"]) == ("1.0.6", sentence)
    assert ill.output("reason") == sentence and ("Aborted", sentence) in ill.events()


def test_what_went_to_production_during_an_interrupted_abort_was_not_taken_out(ill):
    ill.mlflow.fail_on("set-tag")
    given = {"TRAFFIC": json.dumps(SETTINGS), "MLFLOW_PATIENCE_SECONDS": "1"}
    assert ill.run("abort_canary", **given).returncode == 75
    ill.mlflow.fail_on(None)
    route_becomes(ill, None)
    is_told(ill, "production", 7)
    done = abort(ill)
    assert (done.returncode, done.stdout) == (0, "No version that users meet is withdrawn.\n")
    assert ill.events() == []


def test_a_version_that_went_to_production_meanwhile_stays_in_both(ill):
    is_told(ill, "production", 7)
    takes_changes(ill)
    done = abort(ill)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1.0.7 went to production meanwhile: it stays in both.\n")
    assert ill.mlflow.versions["7"]["staging.verdict"] == "pass" and ill.mlflow.releases(action="abort") == []


def test_canary_stays_where_its_version_is_not_withdrawn(world):
    world.current_workflow()
    world.application("canary", 7, held=7)
    has_route(world, ILL._replace(withdrawn=""))
    done = abort(world)
    assert (done.returncode, done.stdout) == (0, "No version that users meet is withdrawn.\n")


def test_it_waits_for_a_production_that_is_between_two_releases(world):
    world.application("canary", 7, held=7)
    world.application("production", 6, held=5)
    has_route(world, ILL)
    done = abort(world)
    assert done.returncode == 1
    assert "production is between two releases: canary goes back when the schedule looks again." in done.stderr


def test_a_canary_that_does_not_come_back_is_on_record(ill):
    ill.patchable("canary", pod(7, "oom-restarted"))
    ill.pods_watched("canary", (0, "ADDED", pod(6, "pull-backoff")))
    done = ill.run("abort_canary", TRAFFIC=json.dumps(SETTINGS), ROLLOUT_TIMEOUT_SECONDS="2")
    assert done.returncode == 1
    [record] = ill.mlflow.releases(action="abort", outcome="broken", status="FAILED")
    assert "serves_version" not in record and record["target_changed"] == "yes"
    assert ill.mlflow.aliases["canary"] == "7"


def test_a_version_that_is_deleted_in_this_moment_is_taken_out_all_the_same(ill):
    ill.mlflow.lose_on("set-tag")
    comes_back(ill)
    done = abort(ill)
    assert (done.returncode, ill.held()) == (0, ["1.0.6"]), done.stderr
    [record] = ill.mlflow.releases(action="abort")
    assert (record["outcome"], record["target_changed"]) == ("aborted", "yes")


def test_canary_goes_back_to_a_version_that_mlflow_lost(ill):
    del ill.mlflow.versions["6"]
    comes_back(ill)
    done = abort(ill)
    assert (done.returncode, ill.held()) == (0, ["1.0.6"]), done.stderr
    assert "MLflow no longer has version 6: the alias canary is on no version." in done.stdout
    assert "canary" not in ill.mlflow.aliases
    [record] = ill.mlflow.releases(action="abort")
    assert (record["outcome"], record["serves_version"]) == ("aborted", "1.0.6")
