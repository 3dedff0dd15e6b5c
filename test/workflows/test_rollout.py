"""rollout.py, through deploy.py: what is waited for, and what is not."""

import json

import pytest

from conftest import comes_back, deploy, pod, watch_pods


def test_a_version_that_does_not_answer_is_not_deployed(unjudged):
    comes_back(unjudged, 8)
    unjudged.mlflow.aliases["staging"] = "5"
    unjudged.app.serves(5)
    done = deploy(unjudged, ROLLOUT_TIMEOUT_SECONDS="3")
    assert done.returncode == 1 and unjudged.output("reason") == "staging answers 1.0.5 on /version instead of 1.0.8."
    assert unjudged.mlflow.aliases["staging"] == "5"


def test_a_crash_loop_is_not_waited_for(unjudged):
    unjudged.pods_watched("staging", (0, "ADDED", pod(8, "crash-looping")))
    deploy(unjudged)
    assert unjudged.output("reason").startswith("staging does not run 1.0.8: CrashLoopBackOff: exit code 1")


def test_a_stream_that_begins_anew_forgets_what_went(unjudged):
    old = [(0, json.dumps({"type": "ADDED", "object": one})) for one in (pod(5), pod(8))]
    watch = watch_pods("staging")
    unjudged.allow(*watch, stream=old)
    comes_back(unjudged, 8)
    assert deploy(unjudged, ROLLOUT_TIMEOUT_SECONDS="10").returncode == 0


# Pods that ran before the release


def killed(version, restarts, state="oom-recovered"):
    """A pod of a version in a state after so many restarts."""
    return pod(version, state, restarts=restarts)


def revert(world, before, *events):
    """Staging, which runs the pods `before` and was told to run 8, is to go back to 5."""
    world.rules["kubectl"] = [rule for rule in world.rules["kubectl"] if "pods" not in rule["args"]]
    world.pods_listed("staging", *before)
    world.pods_watched("staging", *events)
    world.app.serves(5)
    return world.run("revert", FAILED_VERSION="8", REASON="resource: why")


@pytest.mark.parametrize("state", ["oom-recovered", "crash-recovered"])
def test_a_good_version_whose_pod_was_once_killed_is_reverted_to(unjudged, state):
    good = killed(5, 2, state)
    done = revert(unjudged, [good, pod(8, "oom-looping")], (0, "ADDED", pod(8, "leaving")), (0, "ADDED", good))
    assert done.returncode == 0, done.stderr
    assert unjudged.output("reason") == "staging is back on 1.0.5" and unjudged.mlflow.aliases["staging"] == "5"


def test_a_pod_that_is_down_when_the_release_begins_may_come_back(unjudged):
    down = killed(5, 1, "oom-killed")
    back = [(0.1, "MODIFIED", killed(5, 2, state)) for state in ("oom-restarted", "oom-recovered")]
    assert revert(unjudged, [down], (0, "ADDED", down), *back).returncode == 0


def test_a_kill_after_the_release_began_counts(unjudged):
    again = (0.1, "MODIFIED", killed(5, 3))
    done = revert(unjudged, [killed(5, 2)], (0, "ADDED", killed(5, 2, "oom-restarted")), again)
    assert done.returncode == 1 and unjudged.output("reason") == (
        "staging does not run 1.0.5: OOMKilled: the model needs more than the memory limit of 256Mi (3 restarts)."
    )


@pytest.mark.parametrize("state,said", [("oom-looping", "OOMKilled"), ("crash-looping", "CrashLoopBackOff")])
def test_a_crash_loop_is_one_whatever_came_before(unjudged, state, said):
    looping = killed(5, 9, state)
    assert revert(unjudged, [looping], (0, "ADDED", looping)).returncode == 1
    assert said in unjudged.output("reason") and "9 restarts" in unjudged.output("reason")


@pytest.mark.parametrize(
    "created,code", [("2026-01-04T23:59:59Z", 0), ("2026-01-05T00:00:00Z", 1), ("2026-01-05T00:00:01Z", 1)]
)
def test_a_step_that_runs_again_counts_every_end_of_the_pods_that_its_release_created(unjudged, created, code):
    seen = killed(5, 1)
    seen["metadata"]["creationTimestamp"] = created  # the Workflow's is 2026-01-05T00:00:00Z
    assert revert(unjudged, [seen], (0, "ADDED", seen)).returncode == code
