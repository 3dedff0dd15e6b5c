"""revert.py and backstop.py: back to the last version that passed, or to the base image."""

import json

import pytest
from conftest import BASE, digest, evicted, pod


def passed(version, at="2026-01-01T00:00:00Z"):
    return {"image_digest": digest(version), "staging__verdict": "pass", "staging__digest": digest(version), "staging__verdict_at": at}


@pytest.fixture
def staging(world):
    world.patchable("staging")
    world.mlflow.aliases["staging"] = "8"
    world.application("staging", 8)
    world.under_lock()
    return world


def test_goes_to_the_last_that_passed(staging):
    staging.mlflow.add(5, **passed(5, "2026-01-05T00:00:00Z"))
    staging.mlflow.add(6, **passed(6, "2026-01-04T00:00:00Z"))
    staging.mlflow.add(7, image_digest=digest(7))  # untested
    staging.mlflow.add(8, image_digest=digest(8), staging__verdict="fail", staging__digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", pod(8)), (0.1, "ADDED", pod(5)), (0.1, "DELETED", pod(8)))
    staging.app.serves(5)
    done = staging.run("revert.py", FAILED_VERSION="8", REASON="resource: OOMKilled")
    assert done.returncode == 0, done.stderr
    assert staging.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(5)}"]]
    assert staging.mlflow.aliases["staging"] == "5"
    assert staging.mlflow.versions["8"]["staging.reverted_to"] == "1.0.5"
    assert staging.mlflow.versions["8"]["staging.revert_reason"] == "resource: OOMKilled"
    assert (staging.output("outcome"), staging.output("reverted-to")) == ("reverted", "1.0.5")
    [record] = staging.mlflow.releases(action="revert", environment="staging", outcome="reverted", status="FINISHED")
    assert record["reason"] == "resource: OOMKilled; staging is back on 1.0.5"
    assert (record["serves_version"], record["serves_digest"]) == ("1.0.5", digest(5))


@pytest.mark.parametrize("failed", ["8", ""])
def test_twice_is_harmless(staging, failed):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", pod(5)))
    staging.app.serves(5)
    assert staging.run("revert.py", FAILED_VERSION=failed).returncode == 0
    staging.rules["kubectl"] = [rule for rule in staging.rules["kubectl"] if "applications.argoproj.io" not in rule["args"] or rule["args"][0] != "get"]
    staging.application("staging", 5)
    assert staging.run("revert.py", FAILED_VERSION=failed).returncode == 0
    assert staging.mlflow.aliases["staging"] == "5" and len(staging.mlflow.releases()) == 1


def test_a_version_that_passed_is_not_gone_back_to_when_it_is_the_failed_one(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, **passed(8, "2026-02-01T00:00:00Z"))
    staging.pods_watched("staging", (0, "ADDED", pod(5)))
    staging.app.serves(5)
    assert staging.run("revert.py", FAILED_VERSION="8").returncode == 0
    assert staging.output("reverted-to") == "1.0.5"


def test_first_model_bad(staging):
    staging.mlflow.add(8, image_digest=digest(8), staging__verdict="fail")
    staging.pods_watched("staging", (0, "ADDED", pod("base")))
    done = staging.run("revert.py", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert staging.patches() == [None] and "staging" not in staging.mlflow.aliases
    assert staging.output("reverted-to") == "base" and "base image" in staging.output("reason")


def test_alias_stays_when_staging_does_not_come_back(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", pod(5, "pull-backoff")))
    done = staging.run("revert.py", FAILED_VERSION="8", ROLLOUT_TIMEOUT_SECONDS="1")
    assert done.returncode == 1 and staging.mlflow.aliases["staging"] == "8" and staging.output("outcome") == "broken"


def test_backstop_reverts_what_was_never_judged(world):
    world.mlflow.add(8, image_digest=digest(8))
    world.application("staging", 8)
    nodes = {
        "a": {"type": "Pod", "phase": "Failed", "displayName": "test(0)", "message": "main: Error (exit code 1)", "finishedAt": "2026-01-01T00:00:09Z"},
        "b": {"type": "Pod", "phase": "Failed", "displayName": "load(0)", "message": "Pod was active longer than its deadline", "finishedAt": "2026-01-01T00:00:08Z"},
        "c": {"type": "Steps", "phase": "Failed", "displayName": "gates", "message": "child failed", "finishedAt": "2026-01-01T00:00:07Z"},
    }
    world.own_workflow(nodes=nodes)
    world.child(outcome="reverted", reason="staging is back on 1.0.5")
    done = world.run("backstop.py", MODEL_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert world.created()[0]["spec"]["workflowTemplateRef"]["name"] == "revert-staging"
    assert world.mlflow.versions["8"]["staging.verdict"] == "inconclusive" and world.output("outcome") == "inconclusive"
    said = "the workflow ended before a verdict was acted on: load: Pod was active longer than its deadline"
    assert world.mlflow.versions["8"]["staging.reason"] == said and world.output("reason") == f"{said}; staging is back on 1.0.5"


def test_backstop_gives_the_reason_that_the_step_gave(world):
    world.mlflow.add(8, image_digest=digest(8))
    world.application("staging", 8)
    reason = [{"name": "reason", "value": "crane append failed: UNAUTHORIZED"}]
    world.own_workflow(nodes={"a": {"type": "Pod", "phase": "Failed", "displayName": "build(2)", "message": "main: Error (exit code 1)", "outputs": {"parameters": reason}}})
    world.child(outcome="reverted", reason="")
    assert world.run("backstop.py", MODEL_VERSION="8").returncode == 0
    assert "acted on: build: crane append failed: UNAUTHORIZED" in world.output("reason")


def test_backstop_without_a_cause(world):
    world.mlflow.add(8, image_digest=digest(8))
    world.application("staging", 8)
    world.own_workflow()
    world.child(outcome="reverted", reason="")
    assert world.run("backstop.py", MODEL_VERSION="8").returncode == 0
    assert "it was stopped, or ran out of time" in world.output("reason")


def test_backstop_records_what_never_came_to_staging(world):
    world.mlflow.add(8)
    world.application("staging", 5)
    world.own_workflow()
    assert world.run("backstop.py", MODEL_VERSION="8").returncode == 0
    assert world.mlflow.versions["8"]["staging.verdict"] == "inconclusive" and not world.created()
    assert world.output("outcome") == "broken" and "staging was not told to run version 8" in world.output("reason")


def test_backstop_leaves_staging_to_whoever_holds_the_lock(world):
    world.mlflow.add(8, image_digest=digest(8))
    world.under_lock(None)
    done = world.run("backstop.py", MODEL_VERSION="8")
    assert done.returncode == 0 and "no longer holds the lock" in done.stdout and not world.created() and not world.mlflow.writes


@pytest.mark.parametrize("released", [8, 5, None])
def test_backstop_leaves_what_passed_alone(world, released):
    world.mlflow.add(8, **passed(8))
    world.application("staging", released)
    world.own_workflow()
    done = world.run("backstop.py", MODEL_VERSION="8")
    assert done.returncode == 0 and not world.created() and not world.mlflow.writes


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_backstop_keeps_the_verdict_of_its_own_run(world, verdict):
    judged = {"staging__verdict": verdict, "staging__reason": "resource: why", "staging__verdict_at": "2026-01-05T00:01:00Z"}
    world.mlflow.add(8, image_digest=digest(8), staging__digest=digest(8), **judged)
    world.application("staging", 8)
    world.own_workflow()
    world.child(outcome="reverted", reason="")
    assert world.run("backstop.py", MODEL_VERSION="8").returncode == 0
    assert (world.mlflow.versions["8"]["staging.verdict"], world.mlflow.versions["8"]["staging.reason"]) == (verdict, "resource: why")
    assert world.created()[0]["spec"]["entrypoint"] == "under-lock"


def test_backstop_replaces_the_verdict_of_an_earlier_run(world):
    judged = {"staging__verdict": "fail", "staging__reason": "resource: why", "staging__verdict_at": "2026-01-04T23:59:59Z"}
    world.mlflow.add(8, image_digest=digest(8), staging__digest=digest(8), **judged)
    world.application("staging", 8)
    world.own_workflow()
    world.child(outcome="reverted", reason="")
    assert world.run("backstop.py", MODEL_VERSION="8").returncode == 0
    assert world.mlflow.versions["8"]["staging.verdict"] == "inconclusive"


def test_by_hand_without_parameters(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))  # deployed by hand, never tested
    staging.pods_watched("staging", (0, "ADDED", pod(8)), (0.1, "ADDED", pod(5)), (0.1, "DELETED", pod(8)))
    staging.app.serves(5)
    done = staging.run("revert.py", FAILED_VERSION="", REASON="")
    assert done.returncode == 0, done.stderr
    assert staging.mlflow.aliases["staging"] == "5" and staging.output("reverted-to") == "1.0.5"
    assert staging.mlflow.versions["8"]["staging.reverted_to"] == "1.0.5"
    assert staging.mlflow.releases()[0]["reason"] == "version 8 has not passed staging; staging is back on 1.0.5"


def test_on_a_schedule_changes_nothing_where_all_is_well(staging):
    staging.mlflow.add(8, **passed(8))
    staging.pods_watched("staging", (0, "ADDED", pod(8)))
    staging.app.serves(8)
    done = staging.run("revert.py")
    assert done.returncode == 0, done.stderr
    assert staging.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(8)}"]]
    assert not staging.mlflow.writes and not staging.mlflow.releases()


def test_closes_the_record_of_a_deployment_that_was_deleted(staging):
    staging.mlflow.add(8, image_digest=digest(8))
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.open_release("old", action="deploy", environment="staging", workflow_uid="gone", workflow="deploy-container-image-v8-x")
    staging.pods_watched("staging", (0, "ADDED", pod(5)))
    staging.app.serves(5)
    assert staging.run("revert.py").returncode == 0
    [record] = staging.mlflow.releases(action="deploy", outcome="interrupted", status="FAILED")
    assert record["reason"] == "deploy-container-image-v8-x was cut off; staging serves 1.0.5"


def test_without_the_lock_nothing_is_reverted(staging):
    staging.mlflow.add(5, **passed(5))
    staging.under_lock(None)
    assert staging.run("revert.py").returncode == 1 and not staging.patches() and not staging.mlflow.releases()


def test_evicted_pods_never_block_a_revert(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", evicted(5)), (0, "ADDED", evicted(8)), (0, "ADDED", pod(5)))
    staging.app.serves(5)
    done = staging.run("revert.py", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
