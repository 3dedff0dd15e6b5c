"""restore.py: a promotion that was cut off leaves nothing behind."""

import pytest

from conftest import BASE, digest, pod

REPOSITORY = BASE.partition("@")[0]


@pytest.fixture
def cut_off(world):
    """Canary was told to run 7, whose promotion never came to its end; it was promoted to 6 before."""
    world.mlflow.add(6, image_digest=digest(6), canary__digest=digest(6))
    world.mlflow.add(7, image_digest=digest(7), staging__verdict="pass", staging__digest=digest(7))
    world.mlflow.aliases["canary"] = "6"
    world.mlflow.open_release(
        "old",
        action="promote",
        environment="canary",
        workflow_uid="gone",
        workflow="promote-model-x",
        app_version="1.0.7",
    )
    world.application("canary", 7)
    world.current_workflow(labels={"workflows.argoproj.io/cron-workflow": "cron-restore-releases"})
    world.patchable("canary")
    world.pods_watched("canary", (0, "ADDED", pod(6)))
    world.app.serves(6)
    return world


def test_goes_back_to_the_alias(cut_off):
    done = cut_off.run("restore", TARGET_ENVIRONMENT="canary")
    assert done.returncode == 0, done.stderr
    assert cut_off.patches() == [[f"gourmetgram-app={REPOSITORY}@{digest(6)}"]]
    assert cut_off.output("restored") == "canary is back on 1.0.6" and cut_off.mlflow.aliases["canary"] == "6"
    [restored] = cut_off.mlflow.releases(action="restore", outcome="restored", status="FINISHED")
    assert (restored["serves_version"], restored["serves_digest"]) == ("1.0.6", digest(6))
    assert restored["requested_by"] == "schedule cron-restore-releases"
    [interrupted] = cut_off.mlflow.releases(action="promote", outcome="interrupted", status="FAILED")
    assert interrupted["reason"] == "promote-model-x was interrupted; canary serves 1.0.6"
    assert interrupted["serves_version"] == "1.0.6"


def test_the_exit_handler_closes_the_record_of_its_current_workflow(cut_off):
    cut_off.mlflow.runs["old"]["tags"]["workflow_uid"] = "uid-1"
    assert cut_off.run("restore", TARGET_ENVIRONMENT="canary").returncode == 0
    assert [(one["action"], one["outcome"]) for one in cut_off.mlflow.releases()] == [
        ("promote", "interrupted"),
        ("restore", "restored"),
    ]


def test_before_the_first_promotion_it_goes_back_to_the_base_image(cut_off):
    del cut_off.mlflow.aliases["canary"]
    cut_off.rules["kubectl"] = [rule for rule in cut_off.rules["kubectl"] if "pods" not in rule["args"]]
    cut_off.pods_watched("canary", (0, "ADDED", pod("base")))
    cut_off.app.paths.clear()
    assert cut_off.run("restore", TARGET_ENVIRONMENT="canary").returncode == 0
    assert cut_off.patches() == [None] and cut_off.output("restored") == "canary is back on the base image"


def test_changes_nothing_where_all_is_well(world):
    world.mlflow.add(6, canary__digest=digest(6), production__digest=digest(6))
    world.mlflow.aliases.update(canary="6", production="6")
    world.application("canary", 6)
    world.application("production", 6)
    world.current_workflow()
    done = world.run("restore")
    assert done.returncode == 0, done.stderr
    assert not world.patches() and not world.mlflow.releases() and world.output("restored") == ""


def test_a_sync_that_argo_cd_gave_up_is_tried_again_and_no_other(world):
    world.mlflow.add(6, canary__digest=digest(6), production__digest=digest(6))
    world.mlflow.aliases.update(canary="6", production="6")
    world.application("canary", 6, {"sync": {"status": "OutOfSync"}, "operationState": {"phase": "Failed"}})
    world.application("production", 6, {"sync": {"status": "OutOfSync"}, "operationState": {"phase": "Running"}})
    world.current_workflow()
    world.patchable("canary")
    done = world.run("restore")
    assert done.returncode == 0, done.stderr
    assert world.syncs_again() == ["canary"] and not world.patches()


def test_an_alias_that_was_moved_by_hand_is_named_and_left(world):
    world.mlflow.add(9)
    world.mlflow.aliases["canary"] = "9"
    done = world.run("restore", TARGET_ENVIRONMENT="canary")
    assert done.returncode == 1 and not world.patches()
    never = "The alias canary is on version 9, which was never promoted there"
    assert done.stderr == f"Failed: {never}: move it in MLflow to one that was.\n"


@pytest.mark.parametrize("value", ["", "staging", "staging;id", "canary,", "kube-system", "shadow"])
def test_other_namespaces_are_refused(world, value):
    done = world.run("restore", TARGET_ENVIRONMENT=value)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not world.calls("kubectl")
