"""rollout.py, through deploy.py: what is waited for, and what is not."""

import json

from conftest import comes_back, deploy, pod, watch_pods


def test_a_version_that_does_not_answer_is_not_deployed(unjudged):
    comes_back(unjudged, 8)
    unjudged.mlflow.aliases["staging"] = "5"
    unjudged.app.serves(5)
    done = deploy(unjudged, ROLLOUT_TIMEOUT_SECONDS="1")
    assert done.returncode == 1 and unjudged.output("reason") == "staging answers 1.0.5 on /version instead of 1.0.8."
    assert unjudged.mlflow.aliases["staging"] == "5"


def test_a_crash_loop_is_not_waited_for(unjudged):
    unjudged.pods_watched("staging", (0, "ADDED", pod(8, "crash-looping")))
    deploy(unjudged, ROLLOUT_TIMEOUT_SECONDS="1")
    assert unjudged.output("reason").startswith("staging does not run the image: CrashLoopBackOff: exit code 1")


def test_a_stream_that_begins_anew_forgets_what_went(unjudged):
    old = [(0, json.dumps({"type": "ADDED", "object": one})) for one in (pod(5), pod(8))]
    watch = watch_pods("staging")
    unjudged.allow(*watch, stream=old)
    comes_back(unjudged, 8)
    assert deploy(unjudged, ROLLOUT_TIMEOUT_SECONDS="3").returncode == 0
