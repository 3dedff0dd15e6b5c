"""exit_handler.py: a workflow that ended before its verdict was acted on."""

import pytest

from conftest import act_on_verdict, digest, passed


def test_reverts_what_was_never_judged(world):
    world.mlflow.add(8, image_digest=digest(8))
    world.application("staging", 8)
    nodes = {
        "a": {
            "type": "Pod",
            "phase": "Failed",
            "displayName": "test(0)",
            "message": "main: Error (exit code 1)",
            "finishedAt": "2026-01-01T00:00:09Z",
        },
        "b": {
            "type": "Pod",
            "phase": "Failed",
            "displayName": "load(0)",
            "message": "Pod was active longer than its deadline",
            "finishedAt": "2026-01-01T00:00:08Z",
        },
        "c": {
            "type": "Steps",
            "phase": "Failed",
            "displayName": "gates",
            "message": "child failed",
            "finishedAt": "2026-01-01T00:00:07Z",
        },
    }
    world.current_workflow(nodes=nodes)
    world.child(outcome="reverted", reason="staging is back on 1.0.5")
    done = world.run("exit_handler", MODEL_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert world.created()[0]["spec"]["workflowTemplateRef"]["name"] == "revert-staging"
    assert world.mlflow.versions["8"]["staging.verdict"] == "inconclusive" and world.output("outcome") == "inconclusive"
    said = "the workflow ended before a verdict was acted on: load: Pod was active longer than its deadline"
    assert (
        world.mlflow.versions["8"]["staging.reason"] == said
        and world.output("reason") == f"{said}; staging is back on 1.0.5"
    )


def test_gives_the_reason_that_the_step_gave(world):
    world.mlflow.add(8, image_digest=digest(8))
    world.application("staging", 8)
    reason = [{"name": "reason", "value": "crane append failed: UNAUTHORIZED"}]
    world.current_workflow(
        nodes={
            "a": {
                "type": "Pod",
                "phase": "Failed",
                "displayName": "build(2)",
                "message": "main: Error (exit code 1)",
                "outputs": {"parameters": reason},
            }
        }
    )
    world.child(outcome="reverted", reason="")
    assert world.run("exit_handler", MODEL_VERSION="8").returncode == 0
    assert "acted on: build: crane append failed: UNAUTHORIZED" in world.output("reason")


def test_without_a_cause(world):
    world.mlflow.add(8, image_digest=digest(8))
    world.application("staging", 8)
    world.current_workflow()
    world.child(outcome="reverted", reason="")
    assert world.run("exit_handler", MODEL_VERSION="8").returncode == 0
    assert "it was stopped, or ran out of time" in world.output("reason")


@pytest.mark.parametrize("released,told", [(5, "1.0.5"), (6, "1.0.6"), (4, digest(4)), (None, "the base image")])
def test_says_what_staging_is_told_where_that_is_not_the_candidate(world, released, told):
    world.mlflow.add(5, image_digest=digest(5))
    world.mlflow.add(6, **{**passed(6), "image_digest": digest(9)})  # built again since it passed
    world.mlflow.add(8)
    world.application("staging", released)
    world.current_workflow()
    assert world.run("exit_handler", MODEL_VERSION="8").returncode == 0
    assert world.mlflow.versions["8"]["staging.verdict"] == "inconclusive" and not world.created()
    assert world.output("outcome") == "broken" and world.output("reason").endswith(f"; staging is told to run {told}")


def test_leaves_staging_to_whoever_holds_the_lock(world):
    world.mlflow.add(8, image_digest=digest(8))
    world.under_lock(None)
    done = world.run("exit_handler", MODEL_VERSION="8")
    assert (
        done.returncode == 0
        and "no longer holds the lock" in done.stdout
        and not world.created()
        and not world.mlflow.writes
    )


@pytest.mark.parametrize("released", [8, 5, None])
def test_leaves_what_passed_alone(world, released):
    world.mlflow.add(8, **passed(8))
    world.application("staging", released)
    world.current_workflow()
    done = world.run("exit_handler", MODEL_VERSION="8")
    assert done.returncode == 0 and not world.created() and not world.mlflow.writes


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_keeps_the_verdict_of_its_own_run(world, verdict):
    judged = {
        "staging__verdict": verdict,
        "staging__reason": "resource: why",
        "staging__verdict_at": "2026-01-05T00:01:00Z",
    }
    world.mlflow.add(8, image_digest=digest(8), staging__digest=digest(8), **judged)
    world.application("staging", 8)
    world.current_workflow()
    world.child(outcome="reverted", reason="")
    assert world.run("exit_handler", MODEL_VERSION="8").returncode == 0
    assert (world.mlflow.versions["8"]["staging.verdict"], world.mlflow.versions["8"]["staging.reason"]) == (
        verdict,
        "resource: why",
    )
    assert world.created()[0]["spec"]["entrypoint"] == "under-lock"


def test_replaces_the_verdict_of_an_earlier_run(world):
    judged = {
        "staging__verdict": "fail",
        "staging__reason": "resource: why",
        "staging__verdict_at": "2026-01-04T23:59:59Z",
    }
    world.mlflow.add(8, image_digest=digest(8), staging__digest=digest(8), **judged)
    world.application("staging", 8)
    world.current_workflow()
    world.child(outcome="reverted", reason="")
    assert world.run("exit_handler", MODEL_VERSION="8").returncode == 0
    assert world.mlflow.versions["8"]["staging.verdict"] == "inconclusive"


def test_starts_a_revert_of_its_own(candidate):
    candidate.child("Failed", reason="registry away")
    assert act_on_verdict(candidate, "revert", "fail", "skipped", "skipped").returncode == 1
    candidate.application("staging", 7)
    candidate.run("exit_handler", MODEL_VERSION="7")
    assert len({child["metadata"]["name"] for child in candidate.created()}) == 2


def test_an_exit_handler_that_cannot_ask_mlflow_runs_again(unjudged):
    unjudged.mlflow.fail_on("model-versions")
    done = unjudged.run("exit_handler", MODEL_VERSION="8", MLFLOW_PATIENCE_SECONDS="1")
    assert done.returncode == 75 and unjudged.output("outcome") is None


def test_a_pass_is_none_for_a_later_build(unjudged):
    unjudged.mlflow.add(8, **{**passed(7), "image_digest": digest(8)})
    unjudged.child(outcome="reverted", reason="")
    assert unjudged.run("exit_handler", MODEL_VERSION="8").returncode == 0 and len(unjudged.created()) == 1
    assert unjudged.mlflow.versions["8"]["staging.verdict"] == "inconclusive"


def test_reverts_from_a_version_that_was_deleted(unjudged):
    del unjudged.mlflow.versions["8"]
    unjudged.child(outcome="reverted", reason="staging is back on 1.0.5")
    done = unjudged.run("exit_handler", MODEL_VERSION="8")
    assert done.returncode == 0, done.stderr
    [child] = unjudged.created()
    parameters = {one["name"]: one["value"] for one in child["spec"]["arguments"]["parameters"]}
    assert parameters["failed-version"] == "8"
    assert unjudged.output("reason").startswith("version 8 was deleted in MLflow while it was tested; ")
    assert unjudged.output("outcome") == "inconclusive"


def test_leaves_what_another_version_runs_where_its_own_was_deleted(world):
    world.mlflow.add(5, **passed(5))
    world.application("staging", 5)
    world.current_workflow()
    done = world.run("exit_handler", MODEL_VERSION="8")
    assert done.returncode == 0 and not world.created() and world.output("outcome") == "broken"
    assert world.output("reason").endswith("it was stopped, or ran out of time; staging is told to run 1.0.5")
