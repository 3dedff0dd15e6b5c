"""release_log.py: every release is on record before it changes anything, with who asked for it."""

import pytest

from conftest import comes_back, digest, pod, says
from lib import release_log


@pytest.mark.parametrize("script", ["deploy", "promote", "revert", "restore"])
def test_what_cannot_be_recorded_is_not_done(unjudged, script):
    unjudged.mlflow.versions["8"] |= (
        {"staging.verdict": "pass", "staging.digest": digest(8)} if script == "promote" else {}
    )
    comes_back(unjudged, 8)
    unjudged.frozen()
    unjudged.pods_listed("staging", pod(8))
    unjudged.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    unjudged.application("canary", 8, held=5)
    unjudged.patchable("canary")
    unjudged.mlflow.fail_on("runs/create")
    given = {
        "ENVIRONMENT": "staging",
        "SOURCE_ENVIRONMENT": "staging",
        "TARGET_ENVIRONMENT": "canary",
        "MODEL_VERSION": "8",
        "DIGEST": digest(8),
    }
    done = unjudged.run(script, MLFLOW_PATIENCE_SECONDS="1", **given)
    assert done.returncode == 75 and not unjudged.patches() and not unjudged.calls("crane", "tag"), done.stderr


REQUESTERS = {
    "pipeline run c": (
        {"gourmetgram.io/parent": "p", "gourmetgram.io/pipeline-run": "c", "workflows.argoproj.io/creator": "x"},
        {},
    ),
    "anna": ({"workflows.argoproj.io/creator": "x"}, {"gourmetgram.io/submitted-by": "anna"}),
    "schedule cron-train": ({"workflows.argoproj.io/cron-workflow": "cron-train"}, {}),
    "ben, as a label says": (
        {"workflows.argoproj.io/creator": "uid", "workflows.argoproj.io/creator-preferred-username": "ben"},
        {},
    ),
    "somebody whom Argo does not know": ({}, {}),
}


@pytest.mark.parametrize("who", REQUESTERS)
def test_who_asked(who):
    labels, annotations = REQUESTERS[who]
    assert release_log.requester({"metadata": {"labels": labels, "annotations": annotations}}) == who
