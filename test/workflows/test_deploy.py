"""deploy.py: waits for the right pod, moves the alias last, or says why not."""

import pytest

from conftest import BASE, digest, evicted, pod, says, watch_pods
from lib import rollout


@pytest.fixture
def staging(world):
    world.mlflow.add(6, image_digest=digest(6))
    world.mlflow.add(7, image_digest=digest(7))
    world.mlflow.aliases["staging"] = "6"
    world.application("staging", 7)
    world.patchable("staging")
    world.under_lock()
    return world


def deploy(world):
    return world.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7", DIGEST=digest(7))


def assert_refused(world):
    """The record says that nothing was changed, and that this was no failure of staging's."""
    [record] = world.mlflow.releases(action="deploy", environment="staging")
    assert (record["outcome"], record["target_changed"]) == ("refused", "no")


def test_waits_for_the_new_pod_alone(staging):
    old, new = pod(6), pod(7, "starting")
    staging.app.serves(7)
    staging.pods_watched(
        "staging",
        (0, "ADDED", old),
        (0.1, "ADDED", new),
        (0.1, "MODIFIED", pod(7)),
        (0.1, "MODIFIED", pod(6, "leaving")),
        (0.1, "DELETED", old),
    )
    done = deploy(staging)
    assert done.returncode == 0, done.stderr
    assert staging.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(7)}"]]
    assert staging.mlflow.aliases["staging"] == "7"
    assert staging.mlflow.versions["7"]["staging.previous_version"] == "6"
    assert [method for method, _ in staging.mlflow.writes] == ["POST", "POST"] and "alias" in staging.mlflow.writes[-1][
        1
    ]


def test_old_answer_is_not_taken_for_the_new(staging):
    staging.app.paths["/version"] = [(200, '{"model_version": "1.0.6"}')] * 3 + [(200, '{"model_version": "1.0.7"}')]
    staging.pods_watched("staging", (0, "ADDED", pod(7)))
    assert deploy(staging).returncode == 0


@pytest.mark.parametrize("value", ["looked at it", "[]", '{"metrics": 7}'])
def test_what_a_person_writes_on_a_version_is_ignored(staging, value):
    for number in ("6", "7"):
        staging.mlflow.versions[number]["gate.review"] = value
    staging.app.serves(7)
    staging.pods_watched("staging", (0, "ADDED", pod(7)))
    done = deploy(staging)
    assert done.returncode == 0, done.stderr
    assert staging.mlflow.aliases["staging"] == "7"
    [record] = staging.mlflow.releases(action="deploy", outcome="deployed")
    assert record["app_version"] == "1.0.7"


KILLED = "OOMKilled: the model needs more than the memory limit of 256Mi (2 restarts)"
FAILURES = {
    "oom-restarted": KILLED,
    "oom-looping": KILLED,
    "crash-looping": "CrashLoopBackOff: exit code 1, 2 restarts",
}
PULLING = pod(7, "pull-backoff")


@pytest.mark.parametrize("state,reason", FAILURES.items())
def test_says_why_at_once(staging, state, reason):
    staging.pods_watched("staging", (0, "ADDED", pod(6)), (0, "ADDED", pod(7, state, restarts=2)))
    done = deploy(staging)
    assert done.returncode == 1 and reason in done.stderr and reason in staging.output("reason")
    assert staging.mlflow.aliases["staging"] == "6"
    [record] = staging.mlflow.releases(action="deploy", environment="staging", outcome="broken", status="FAILED")
    assert reason in record["reason"] and "serves_version" not in record
    assert record["target_changed"] == "yes"


def test_an_mlflow_that_is_away_when_staging_is_told_stops_no_roll_out(staging):
    staging.app.serves(7)
    staging.pods_watched("staging", (0, "ADDED", pod(7)))
    staging.mlflow.refuse_once("runs/log-batch")
    done = deploy(staging)
    assert done.returncode == 0, done.stderr
    assert "does not record yet" in done.stderr
    [record] = staging.mlflow.releases(action="deploy", outcome="deployed")
    assert record["target_changed"] == "yes"


def test_a_version_that_is_deleted_once_staging_was_told_is_broken(staging):
    staging.app.serves(7)
    staging.pods_watched("staging", (0, "ADDED", pod(7)))
    staging.mlflow.lose_on("set-tag")
    assert deploy(staging).returncode == 1
    [record] = staging.mlflow.releases(action="deploy")
    assert (record["outcome"], record["target_changed"]) == ("broken", "yes")


def test_a_registry_that_comes_back_is_waited_for(staging):
    staging.app.serves(7)
    staging.pods_watched("staging", (0, "ADDED", PULLING), (0.3, "MODIFIED", pod(7)))
    assert deploy(staging).returncode == 0


def test_argo_cd_is_asked_again_while_nothing_happens(staging, monkeypatch):
    monkeypatch.setattr(rollout, "REFRESH_INTERVAL", 0.1)
    asked, states = [], [None, None, rollout.pods.Assessment("ready")]
    monkeypatch.setattr(rollout, "patch", lambda environment, patch: asked.append((environment, patch)))
    monkeypatch.setattr(rollout, "_watch_pods", lambda *_: states.pop(0))
    rollout.await_pods("staging", digest(7), rollout.time.monotonic() + 5, "1.0.7", {})
    assert asked == [("staging", {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}})] * 2


def test_a_registry_that_stays_unreachable_is_named(staging):
    staging.pods_watched("staging", (0, "ADDED", PULLING))
    done = staging.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7", ROLLOUT_TIMEOUT_SECONDS="3")
    assert (
        done.returncode == 1
        and "Pending: ImagePullBackOff (dial tcp 127.0.0.1:9: connect: connection refused)" in staging.output("reason")
    )


def test_without_the_lock_nothing_is_deployed(staging):
    staging.under_lock(None)
    done = deploy(staging)
    assert done.returncode == 1 and "no longer holds the lock on staging" in done.stderr and not staging.patches()
    assert_refused(staging)


def test_is_on_record_with_where_the_model_is_from(staging):
    staging.app.serves(7)
    staging.pods_watched("staging", (0, "ADDED", pod(7)))
    assert deploy(staging).returncode == 0
    [record] = staging.mlflow.releases(action="deploy")
    assert {
        key: record[key]
        for key in (
            "environment",
            "app_version",
            "digest",
            "model_run",
            "data_sha256",
            "requested_by",
            "workflow",
            "pipeline_run",
            "outcome",
            "status",
        )
    } == {
        "environment": "staging",
        "app_version": "1.0.7",
        "digest": digest(7),
        "model_run": "run7",
        "data_sha256": "data7",
        "requested_by": "pipeline run train-model-abcde",
        "workflow": "parent",
        "pipeline_run": "train-model-abcde",
        "outcome": "deployed",
        "status": "FINISHED",
    }
    assert (record["serves_version"], record["serves_digest"]) == ("1.0.7", digest(7))


def test_runs_again_where_mlflow_became_unreachable_before_the_alias(staging):
    staging.app.serves(7)
    staging.pods_watched("staging", (0, "ADDED", pod(7)))
    staging.mlflow.fail_on("registered-models/alias")
    done = staging.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7", MLFLOW_PATIENCE_SECONDS="1")
    assert (
        done.returncode == 75
        and staging.mlflow.aliases["staging"] == "6"
        and "did not answer" in staging.output("reason")
    )
    staging.mlflow.fail_on(None)
    assert deploy(staging).returncode == 0
    assert (
        staging.mlflow.aliases["staging"] == "7"
        and len(staging.mlflow.releases(action="deploy", outcome="deployed")) == len(staging.mlflow.releases()) == 1
    )


def test_says_what_it_waited_for(staging):
    staging.pods_watched("staging", (0, "ADDED", pod(7, "unschedulable")))
    done = staging.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7", ROLLOUT_TIMEOUT_SECONDS="3")
    assert done.returncode == 1 and "within 3 s" in done.stderr and "Insufficient memory" in done.stderr


def test_api_server_that_closes_the_stream(staging):
    staging.app.serves(7)
    staging.allow(*watch_pods("staging"), **says("kubectl", "refused"))
    staging.pods_watched("staging", (0, "ADDED", pod(7)))
    assert deploy(staging).returncode == 0


def test_version_without_image(world):
    world.mlflow.add(7)
    world.current_workflow()
    done = world.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7")
    assert done.returncode == 1 and "run build-container-image" in done.stderr
    assert_refused(world)


def test_version_that_mlflow_does_not_know(world):
    world.current_workflow()
    done = world.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7")
    assert done.returncode == 1 and "MLflow knows no version 7" in done.stderr
    assert_refused(world)


@pytest.mark.parametrize("ended", [evicted(6), evicted(7), pod(6, "succeeded")])
def test_pods_that_ended_do_not_stand_in_the_way(staging, ended):
    staging.app.serves(7)
    staging.pods_watched("staging", (0, "ADDED", ended), (0, "ADDED", pod(7, name="z")))
    done = deploy(staging)
    assert done.returncode == 0, done.stderr


def test_says_that_the_pod_was_evicted(staging):
    staging.pods_watched("staging", (0, "ADDED", evicted(7)))
    done = staging.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7", ROLLOUT_TIMEOUT_SECONDS="3")
    assert (
        done.returncode == 1 and 'Evicted: Usage of EmptyDir volume "scratch" exceeds the limit "1Mi".' in done.stderr
    )


def test_the_first_of_a_list_is_not_taken_for_all(staging):
    staging.app.serves(7)
    staging.pods_listed("staging", pod(7), pod(8, "starting"))
    staging.pods_watched("staging", (0, "ADDED", pod(7)), (0.1, "ADDED", pod(8, "starting")))
    done = staging.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7", ROLLOUT_TIMEOUT_SECONDS="3")
    assert done.returncode == 1 and "the previous image still runs in 1 pod." in done.stderr


@pytest.mark.parametrize("answer", ["no-such-host", "forbidden"])
def test_reason_stands_when_argo_cd_cannot_be_asked(staging, answer):
    staging.rules["kubectl"] = [
        rule
        for rule in staging.rules["kubectl"]
        if rule["args"][1] != "applications.argoproj.io" or rule["args"][0] != "get"
    ]
    staging.application("staging", 7)
    staging.allow("kubectl", "get", "applications.argoproj.io", *["*"] * 5, **says("kubectl", answer))
    staging.pods_watched("staging", (0, "ADDED", pod(6)))
    done = staging.run("deploy", ENVIRONMENT="staging", MODEL_VERSION="7", ROLLOUT_TIMEOUT_SECONDS="3")
    assert done.returncode == 1 and "no pod runs the image yet" in staging.output("reason")


def test_what_was_collected_is_not_deployed(staging):
    staging.mlflow.versions["7"]["retention.collected"] = "2026-02-01T04:37:00Z"
    done = deploy(staging)
    assert done.returncode == 1 and not staging.patches()
    assert staging.output("reason").startswith("Version 7 was collected at 2026-02-01T04:37:00Z to make room")
    assert_refused(staging)
