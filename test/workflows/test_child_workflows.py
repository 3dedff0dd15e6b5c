"""child_workflows.py, through start_workflow.py: the lock on staging, and children that start once."""

import json

import pytest

from conftest import act_on_verdict, deploy, holding, says, start


def test_the_lock_is_handed_on(candidate):
    candidate.under_lock()
    candidate.child(outcome="reverted", reason="staging is back on 1.0.6")
    assert act_on_verdict(candidate, "revert", "fail", "skipped", "skipped").returncode == 0
    assert candidate.created()[0]["metadata"]["labels"]["gourmetgram.io/lock-holder"] == "holder"
    assert candidate.created()[0]["metadata"]["labels"]["gourmetgram.io/parent"] == "parent"
    assert candidate.created()[0]["metadata"]["annotations"] == {"gourmetgram.io/lock-key": "argo/holder/holder-1"}


def test_the_lock_begins_with_the_step_that_holds_it(candidate):
    candidate.child()
    assert start(candidate).returncode == 0
    metadata = candidate.created()[0]["metadata"]
    assert metadata["labels"]["gourmetgram.io/lock-holder"] == "parent"
    assert metadata["annotations"] == {"gourmetgram.io/lock-key": "argo/parent/parent-1"}


def test_nothing_starts_under_a_lock_that_does_not_show_yet(world):
    world.workflow("parent", {"metadata": {"name": "parent", "namespace": "argo", "uid": "uid-1"}, "status": {}})
    done = start(world)
    assert done.returncode == 75 and "does not show yet" in done.stderr and not world.created()


def test_starts_once(candidate):
    candidate.child()
    assert start(candidate).returncode == 0
    name = candidate.created()[0]["metadata"]["name"]
    candidate.rules["kubectl"] = [rule for rule in candidate.rules["kubectl"] if rule["args"][0] != "create"]
    candidate.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "already-exists"))
    done = start(candidate)
    assert done.returncode == 0 and candidate.created()[1]["metadata"]["name"] == name


def test_root_names_the_pipeline_run(world):
    world.current_workflow()
    world.child()
    assert start(world, "build-container-image", "no").returncode == 0
    child = world.created()[0]
    assert child["metadata"]["labels"]["gourmetgram.io/pipeline-run"] == "parent" and "entrypoint" not in child["spec"]
    assert "gourmetgram.io/lock-holder" not in child["metadata"]["labels"]
    assert child["metadata"]["name"].startswith("build-container-image-v7-") and len(child["metadata"]["name"]) < 58


def test_child_that_failed(candidate):
    candidate.child("Failed", reason="staging does not run the image: OOMKilled")
    done = start(candidate, "deploy-container-image")
    assert done.returncode == 1 and "OOMKilled" in done.stderr


def test_child_that_is_deleted(candidate):
    candidate.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    gone = [(0, json.dumps({"type": "ADDED", "object": {}})), (0, json.dumps({"type": "DELETED", "object": {}}))]
    candidate.allow(
        "kubectl",
        "get",
        "workflows.argoproj.io",
        "*",
        "--namespace",
        "argo",
        "--output",
        "json",
        "--watch",
        "--output-watch-events",
        stream=gone,
    )
    done = start(candidate)
    assert done.returncode == 1 and "deleted" in done.stderr


def test_the_lock_on_promotions_is_none_on_staging(unjudged):
    held = [{"mutex": "argo/Mutex/promotion", "holder": "argo/holder/holder-1"}]
    unjudged.workflow(
        "holder", {"metadata": {"name": "holder"}, "status": {"synchronization": {"mutex": {"holding": held}}}}
    )
    assert deploy(unjudged).returncode == 1 and not unjudged.patches()


def test_a_parent_that_is_made_again_has_children_of_its_own(candidate):
    candidate.child()
    for uid in ("uid-1", "uid-2"):
        candidate.workflow(
            "parent",
            {
                "metadata": {"name": "parent", "namespace": "argo", "uid": uid},
                "status": holding("argo/parent/parent-1"),
            },
        )
        assert start(candidate).returncode == 0
    assert len({child["metadata"]["name"] for child in candidate.created()}) == 2


@pytest.mark.parametrize("answer,code", [("not-found", 1), ("closed", 0), ("forbidden", 0)])
def test_a_child_that_goes_while_nobody_watches(candidate, answer, code):
    watch = ["kubectl", "get", "workflows.argoproj.io", "*", "--namespace", "argo", "--output"]
    candidate.allow(
        *watch,
        "json",
        "--watch",
        "--output-watch-events",
        stream=[(0, json.dumps({"type": "ADDED", "object": {"status": {"phase": "Running"}}}))],
    )
    candidate.allow(*watch, "name", **says("kubectl", answer))
    candidate.child()
    done = start(candidate)
    assert done.returncode == code and ("was deleted before it ended" in done.stderr) == (code == 1)
