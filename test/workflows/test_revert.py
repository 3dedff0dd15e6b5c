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


@pytest.mark.parametrize("failed", ["8", ""])
def test_twice_is_harmless(staging, failed):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", pod(5)))
    staging.app.serves(5)
    for _ in range(2):
        assert staging.run("revert.py", FAILED_VERSION=failed).returncode == 0
    assert staging.mlflow.aliases["staging"] == "5"


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
    staging.pods_watched("staging", (0, "ADDED", pod(5, ready=False, state={"waiting": {"reason": "ImagePullBackOff"}})))
    done = staging.run("revert.py", FAILED_VERSION="8")
    assert done.returncode == 1 and staging.mlflow.aliases["staging"] == "8" and staging.output("outcome") == "broken"


def test_backstop_reverts_what_was_never_judged(world):
    world.mlflow.add(8, image_digest=digest(8))
    world.application("staging", 8)
    world.own_workflow()
    world.child(outcome="reverted", reason="staging is back on 1.0.5")
    done = world.run("backstop.py", MODEL_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert world.created()[0]["spec"]["workflowTemplateRef"]["name"] == "revert-staging"
    assert world.mlflow.versions["8"]["staging.verdict"] == "inconclusive" and world.output("outcome") == "inconclusive"


@pytest.mark.parametrize("released,tags", [(8, passed(8)), (5, {"image_digest": digest(8)}), (None, {}), (8, {})])
def test_backstop_leaves_everything_else_alone(world, released, tags):
    world.mlflow.add(8, **tags)
    world.application("staging", released)
    done = world.run("backstop.py", MODEL_VERSION="8")
    assert done.returncode == 0 and not world.created() and not world.mlflow.writes


def test_backstop_keeps_a_failed_verdict(world):
    world.mlflow.add(8, image_digest=digest(8), staging__verdict="fail", staging__digest=digest(8))
    world.application("staging", 8)
    world.own_workflow()
    world.child(outcome="reverted", reason="")
    assert world.run("backstop.py", MODEL_VERSION="8").returncode == 0
    assert world.mlflow.versions["8"]["staging.verdict"] == "fail"
    assert json.loads(json.dumps(world.created()[0]))["spec"]["entrypoint"] == "under-lock"


def test_by_hand_without_parameters(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))  # deployed by hand, never tested
    staging.pods_watched("staging", (0, "ADDED", pod(8)), (0.1, "ADDED", pod(5)), (0.1, "DELETED", pod(8)))
    staging.app.serves(5)
    done = staging.run("revert.py", FAILED_VERSION="", REASON="")
    assert done.returncode == 0, done.stderr
    assert staging.mlflow.aliases["staging"] == "5" and staging.output("reverted-to") == "1.0.5"
    assert not any("staging.reverted_to" in tags for tags in staging.mlflow.versions.values())


def test_evicted_pods_never_block_a_revert(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", evicted(5)), (0, "ADDED", evicted(8)), (0, "ADDED", pod(5)))
    staging.app.serves(5)
    done = staging.run("revert.py", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
