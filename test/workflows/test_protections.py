"""Protections that no other test would miss: what the pipeline does when it is interrupted, lied to, or asked again."""

import json
import re

import pytest
import test_chain
from conftest import digest, holding, pod, says
from test_chain import conclude, report, start
from test_revert import passed

chain = test_chain.chain


@pytest.fixture
def staging(world):
    """Staging was told to run 8, which has not passed; its alias is on 8; 5 passed before."""
    world.mlflow.add(5, **passed(5))
    world.mlflow.add(8, image_digest=digest(8))
    world.mlflow.aliases["staging"] = "8"
    world.application("staging", 8)
    world.patchable("staging")
    world.under_lock()
    return world


def comes_back(world, version=5):
    world.pods_watched("staging", (0, "ADDED", pod(version)))
    world.app.serves(version)


def deploy(world, **env):
    return world.run("deploy.py", ENVIRONMENT="staging", MODEL_VERSION="8", DIGEST=digest(8), **env)


def reasons(world):
    """The reasons with which reverts were started."""
    return [p["value"] for child in world.created() for p in child["spec"]["arguments"]["parameters"] if p["name"] == "reason"]


# The lock, and the children


def test_the_lock_on_promotions_is_none_on_staging(staging):
    held = [{"mutex": "argo/Mutex/promotion", "holder": "argo/holder/holder-1"}]
    staging.workflow("holder", {"metadata": {"name": "holder"}, "status": {"synchronization": {"mutex": {"holding": held}}}})
    assert deploy(staging).returncode == 1 and not staging.patches()


def test_a_parent_that_is_made_again_has_children_of_its_own(chain):
    chain.child()
    for uid in ("uid-1", "uid-2"):
        chain.workflow("parent", {"metadata": {"name": "parent", "namespace": "argo", "uid": uid}, "status": holding("argo/parent/parent-1")})
        assert start(chain).returncode == 0
    assert len({child["metadata"]["name"] for child in chain.created()}) == 2


def test_the_backstop_starts_a_revert_of_its_own(chain):
    chain.child("Failed", reason="registry away")
    assert conclude(chain, "revert", "fail", "skipped", "skipped").returncode == 1
    chain.application("staging", 7)
    chain.run("backstop.py", MODEL_VERSION="7")
    assert len({child["metadata"]["name"] for child in chain.created()}) == 2


@pytest.mark.parametrize("answer,code", [("not-found", 1), ("closed", 0), ("forbidden", 0)])
def test_a_child_that_goes_while_nobody_watches(chain, answer, code):
    watch = ["kubectl", "get", "workflows.argoproj.io", "*", "--namespace", "argo", "--output"]
    chain.allow(*watch, "json", "--watch", "--output-watch-events", stream=[(0, json.dumps({"type": "ADDED", "object": {"status": {"phase": "Running"}}}))])
    chain.allow(*watch, "name", **says("kubectl", answer))
    chain.child()
    done = start(chain)
    assert done.returncode == code and ("was deleted before it ended" in done.stderr) == (code == 1)


# The verdict


def test_a_fail_is_recorded_first_and_a_pass_last(chain):
    chain.child()
    for action, verdict in (("revert", "fail"), ("promote", "pass")):
        conclude(chain, action, "pass", "pass", verdict)
    keys = [fields["key"] for _, fields in chain.mlflow.writes]
    assert len(keys) == 14 and [place for place, key in enumerate(keys) if key == "staging.verdict"] == [0, 13]


def test_a_version_without_an_image_is_not_judged(chain):
    del chain.mlflow.versions["7"]["image_digest"]
    done = conclude(chain, "promote", "pass", "pass", "pass", DIGEST="")
    assert done.returncode == 1 and not chain.created() and not chain.mlflow.writes


def test_a_promotion_that_failed_is_broken(chain):
    chain.child("Failed", outcome="broken", reason="canary does not run the image")
    done = conclude(chain, "promote", "pass", "pass", "pass")
    assert done.returncode == 1 and chain.output("outcome") == "broken" and "canary does not run the image" in chain.output("reason")


@pytest.mark.parametrize("said", ["output {1000} {{x}}", "x" * 500])
def test_the_reason_of_a_revert_is_one_that_it_takes(chain, said):
    chain.child(outcome="reverted", reason="")
    left = {"verdict": "fail", "decided": "yes", "report": report("integration", "fail", said), "reason": ""}
    conclude(chain, "revert", GATES=json.dumps([["integration", "Succeeded", left]]))
    assert re.fullmatch(r"integration: [^{}]{10,387}", reasons(chain)[0])


# The way back


def test_a_backstop_that_cannot_ask_mlflow_runs_again(staging):
    staging.mlflow.fail_on("model-versions")
    done = staging.run("backstop.py", MODEL_VERSION="8", MLFLOW_PATIENCE_SECONDS="1")
    assert done.returncode == 75 and staging.output("outcome") is None


def test_a_pass_is_none_for_a_later_build(staging):
    staging.mlflow.add(8, **{**passed(7), "image_digest": digest(8)})
    staging.child(outcome="reverted", reason="")
    assert staging.run("backstop.py", MODEL_VERSION="8").returncode == 0 and len(staging.created()) == 1
    assert staging.mlflow.versions["8"]["staging.verdict"] == "inconclusive"


def test_goes_back_to_the_image_that_passed_alone(staging):
    staging.mlflow.add(5, **{**passed(5), "image_digest": digest(9)})
    staging.mlflow.add(6, **{**passed(6, "2026-03-01T00:00:00Z"), "staging__verdict": "fail"})
    comes_back(staging)
    done = staging.run("revert.py", FAILED_VERSION="8")
    assert done.returncode == 0 and [patch[0].rpartition("@")[2] for patch in staging.patches()] == [digest(5)], done.stderr


def test_a_revert_that_fails_leaves_the_alias_and_says_so(staging):
    staging.pods_watched("staging", (0, "ADDED", pod(5, "crash-looping")))
    done = staging.run("revert.py", FAILED_VERSION="8")
    assert done.returncode == 1 and staging.mlflow.aliases["staging"] == "8" and staging.output("outcome") == "broken"
    assert [record["status"] for record in staging.mlflow.releases(action="revert", outcome="broken")] == ["FAILED"]


@pytest.mark.parametrize("part", ["registered-models/alias", "runs/log-batch"])
def test_a_revert_that_is_interrupted_goes_on_with_its_record(staging, part):
    comes_back(staging)
    staging.mlflow.fail_on(part)
    done = staging.run("revert.py", FAILED_VERSION="8", MLFLOW_PATIENCE_SECONDS="1")
    assert done.returncode == 75 and staging.output("outcome") is None
    staging.mlflow.fail_on(None)
    staging.rules["kubectl"] = [rule for rule in staging.rules["kubectl"] if rule["args"][:2] != ["get", "applications.argoproj.io"]]
    staging.application("staging", 5)
    assert staging.run("revert.py", FAILED_VERSION="8").returncode == 0
    assert [record["status"] for record in staging.mlflow.releases()] == ["FINISHED"] and staging.mlflow.aliases["staging"] == "5"


@pytest.mark.parametrize("away,said", [(None, "OOMKilled"), ("registered-models/alias", "MLflow at .* did not answer")], ids=["failing", "away"])
def test_a_way_back_that_fails_does_not_hide_why_it_was_taken(world, away, said):
    world.mlflow.add(6, canary__digest=digest(6))
    world.mlflow.add(8, **passed(8))
    world.mlflow.aliases["canary"] = "6"
    world.own_workflow()
    world.frozen()
    world.pods_listed("staging", pod(8))
    world.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    world.patchable("canary")
    world.pods_watched("canary", (0, "ADDED", pod(8, "crash-looping")))
    world.pods_watched("canary", (0, "ADDED", pod(6, "oom-restarted")))
    world.mlflow.fail_on(away)
    done = world.run("promote.py", SOURCE_ENVIRONMENT="staging", TARGET_ENVIRONMENT="canary", MODEL_VERSION="8", MLFLOW_PATIENCE_SECONDS="1")
    assert done.returncode == 1 and re.search(f"CrashLoopBackOff.*has not yet: .*{said}", world.output("reason"))
    assert [record["outcome"] for record in world.mlflow.releases()] == ["broken"]


# The record


@pytest.mark.parametrize("script", ["deploy.py", "promote.py", "revert.py", "restore.py"])
def test_what_cannot_be_recorded_is_not_done(staging, script):
    staging.mlflow.versions["8"] |= {"staging.verdict": "pass", "staging.digest": digest(8)} if script == "promote.py" else {}
    comes_back(staging, 8)
    staging.frozen()
    staging.pods_listed("staging", pod(8))
    staging.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    staging.application("canary", 8)
    staging.patchable("canary")
    staging.mlflow.fail_on("runs/create")
    given = {"ENVIRONMENT": "staging", "SOURCE_ENVIRONMENT": "staging", "TARGET_ENVIRONMENT": "canary", "MODEL_VERSION": "8", "DIGEST": digest(8)}
    done = staging.run(script, MLFLOW_PATIENCE_SECONDS="1", **given)
    assert done.returncode == 75 and not staging.patches() and not staging.calls("crane"), done.stderr


# The roll-out


def test_a_version_that_does_not_answer_is_not_deployed(staging):
    comes_back(staging, 8)
    staging.mlflow.aliases["staging"] = "5"
    staging.app.serves(5)
    done = deploy(staging, ROLLOUT_TIMEOUT_SECONDS="1")
    assert done.returncode == 1 and staging.output("reason") == "staging answers 1.0.5 on /version instead of 1.0.8."
    assert staging.mlflow.aliases["staging"] == "5"


def test_a_crash_loop_is_not_waited_for(staging):
    staging.pods_watched("staging", (0, "ADDED", pod(8, "crash-looping")))
    deploy(staging, ROLLOUT_TIMEOUT_SECONDS="1")
    assert staging.output("reason").startswith("staging does not run the image: CrashLoopBackOff: exit code 1")


def test_a_stream_that_begins_anew_forgets_what_went(staging):
    name = "gourmetgram-staging"
    old = [(0, json.dumps({"type": "ADDED", "object": one})) for one in (pod(5), pod(8))]
    watch = ["kubectl", "get", "pods", "--namespace", name, "--selector", f"app={name}", "--output", "json", "--watch", "--output-watch-events"]
    staging.allow(*watch, stream=old)
    comes_back(staging, 8)
    assert deploy(staging, ROLLOUT_TIMEOUT_SECONDS="3").returncode == 0
