"""An environment on another cluster: what Argo CD says of it is all there is, and only a settled Application counts."""

import json

import pytest

from conftest import BASE, digest, pod, says, source
from lib import argocd, rollout

REPOSITORY = BASE.partition("@")[0]


def status(told, *seen, sync="Synced", health="Healthy"):
    """What Argo CD says once it has compared the cluster with this version, and sees pods of these there."""
    images = [BASE if one == "base" else f"{REPOSITORY}@{digest(one)}" for one in seen]
    return {
        "sync": {"status": sync, "comparedTo": {"source": source(told)}},
        "health": {"status": health},
        "summary": {"images": ["docker.io/library/other:1", *images]},
    }


def application(told, said):
    return {"spec": {"source": source(told)}, "status": said}


SETTLED = {
    "a release": (7, status(7, 7), [digest(7)]),
    "the base image": (None, status(None, "base"), [BASE.rpartition("@")[2]]),
    "two digests": (7, status(7, 7, 6), [digest(6), digest(7)]),
}
UNSETTLED = {
    "out of sync": (7, status(7, 7, sync="OutOfSync")),
    "progressing": (7, status(7, 7, health="Progressing")),
    "degraded": (7, status(7, 7, health="Degraded")),
    "compared with the release before": (7, status(6, 7)),
    "compared with the base image": (7, status(None, 7)),
    "compared with a release that was reverted": (None, status(7, 7)),
    "compared with nothing": (7, {**status(7, 7), "sync": {"status": "Synced"}}),
    "without a status": (7, {}),
}


@pytest.mark.parametrize("case", SETTLED)
def test_a_settled_application_tells_what_runs(case):
    told, said, expected = SETTLED[case]
    assert argocd.running_digests(application(told, said)) == expected


@pytest.mark.parametrize("case", UNSETTLED)
def test_an_unsettled_application_tells_nothing(case):
    told, said = UNSETTLED[case]
    assert argocd.running_digests(application(told, said)) == []
    assert argocd.assess(application(told, said), digest(7)).state == "waiting"


@pytest.mark.parametrize(
    "sync, phase, gave_up",
    [
        ("OutOfSync", "Failed", True),
        ("OutOfSync", "Error", True),
        ("OutOfSync", "Running", False),  # with its retries
        ("OutOfSync", "Succeeded", False),  # self-heal sees to it
        ("OutOfSync", None, False),
        ("Synced", "Failed", False),
        ("Unknown", "Error", False),  # it compares again by itself
    ],
)
def test_a_sync_that_failed_for_good_is_told_from_one_that_goes_on(sync, phase, gave_up):
    said = {"sync": {"status": sync}} | ({"operationState": {"phase": phase}} if phase else {})
    assert argocd.has_given_up(application(7, said)) is gave_up


def test_the_images_of_others_are_none_of_the_app():
    said = status(7, 7)
    said["summary"]["images"].append(f"docker.io/library/other@{digest(8)}")
    assert argocd.running_digests(application(7, said)) == [digest(7)]


ASSESSED = {
    "ready": (status(7, 7), "ready", ""),
    "of another image": (status(7, 6), "waiting", f"Argo CD says Synced and Healthy, with pods of {digest(6)}"),
    "with another beside it": (
        status(7, 7, 6),
        "waiting",
        f"Argo CD says Synced and Healthy, with pods of {digest(6)}, {digest(7)}",
    ),
    "degraded of the image before": (
        status(7, 7, 6, health="Degraded"),
        "waiting",
        f"Argo CD says Synced and Degraded, with pods of {digest(6)}, {digest(7)}",
    ),
    "without pods": (
        status(7, health="Progressing"),
        "waiting",
        "Argo CD says Synced and Progressing, with pods of no image",
    ),
    "without a status": ({}, "waiting", "Argo CD says Unknown and Unknown, with pods of no image"),
}


@pytest.mark.parametrize("case", ASSESSED)
def test_what_argo_cd_says_is_judged(case):
    said, state, reason = ASSESSED[case]
    verdict = argocd.assess(application(7, said), digest(7))
    assert (verdict.state, verdict.reason) == (state, reason)


# Promotions


@pytest.fixture
def ready(world):
    """7 passed staging, which is here; canary is promoted to 6."""
    world.mlflow.add(
        6, image_digest=digest(6), staging__verdict="pass", staging__digest=digest(6), canary__digest=digest(6)
    )
    world.mlflow.add(7, image_digest=digest(7), staging__verdict="pass", staging__digest=digest(7))
    world.registry_has(7)
    world.passes(7)
    world.mlflow.aliases.update(staging="7", canary="6")
    world.app.serves(7)
    world.current_workflow()
    world.frozen()
    world.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    return world


def promote(world, source, target, **env):
    return world.run(
        "promote",
        SOURCE_ENVIRONMENT=source,
        TARGET_ENVIRONMENT=target,
        MODEL_VERSION="7",
        REMOTE_ENVIRONMENTS='["canary"]',
        **env,
    )


def test_promotes_to_it_when_argo_cd_has_settled(ready):
    ready.source("staging", pod(7))
    ready.patchable("canary")
    for said in (
        status(6, 6),
        status(6, 6),
        status(6, 6, sync="OutOfSync"),
        status(7, 6, 7, health="Progressing"),
        status(7, 6, 7),
        status(7, 7),
    ):
        ready.application("canary", 7, said)
    done = promote(ready, "staging", "canary")
    assert done.returncode == 0, done.stderr
    assert ready.patches() == [[f"gourmetgram-app={REPOSITORY}@{digest(7)}"]] and ready.mlflow.aliases["canary"] == "7"
    assert len(ready.calls("kubectl", "get")) == 3 + 3 + 6, (
        "who asked, the freeze, the keys, staging's pods and Deployment, and canary's Application before, and until "
        "it settled"
    )


def test_what_was_degraded_before_is_waited_for(ready):
    ready.source("staging", pod(7))
    ready.patchable("canary")
    for said in (status(6, 6, health="Degraded"), status(7, 6, 7, health="Degraded"), status(7, 7)):
        ready.application("canary", 7, said)
    assert promote(ready, "staging", "canary").returncode == 0


def test_goes_back_when_argo_cd_does_not_settle(ready):
    ready.source("staging", pod(7))
    ready.patchable("canary")
    for said in (
        status(6, 6),
        status(7, 6, 7, health="Progressing"),
        status(7, 6, 7, health="Degraded"),
        status(7, 6, 7, health="Degraded"),
        status(7, 6, 7, health="Degraded"),
    ):
        ready.application("canary", 7, said, held=6)
    ready.application("canary", 6, status(6, 6), held=6)
    ready.app.serves(6)
    done = promote(ready, "staging", "canary", ROLLOUT_TIMEOUT_SECONDS="3")
    assert done.returncode == 1 and ready.mlflow.aliases["canary"] == "6" and ready.output("outcome") == "broken"
    assert [images[0].rpartition("@")[2] for images in ready.patches()] == [digest(7), digest(6)]
    seen = f"Argo CD says Synced and Degraded, with pods of {digest(6)}, {digest(7)}"
    assert ready.output("reason") == f"canary did not run 1.0.7 within 3 s: {seen}. canary is back on 1.0.6."


def test_asks_argo_cd_again_while_nothing_happens(monkeypatch):
    said, patched = [application(7, status(6, 6))], []

    def patch(_, content):
        patched.append(content)
        said.append(application(7, status(7, 7)))

    monkeypatch.setenv("REMOTE_ENVIRONMENTS", '["canary"]')
    monkeypatch.setattr(rollout, "REFRESH_INTERVAL", 0.1)
    monkeypatch.setattr(rollout, "patch", patch)
    monkeypatch.setattr(rollout, "application", lambda _: said[-1])
    rollout.await_pods("canary", digest(7), rollout.time.monotonic() + 10, "1.0.7", {})
    assert patched == [rollout.REFRESH]


def test_a_version_that_does_not_answer_there_is_not_promoted(ready):
    ready.source("staging", pod(7))
    ready.patchable("canary")
    ready.application("canary", 7, status(7, 7))
    ready.app.serves(6)
    done = promote(ready, "staging", "canary", ROLLOUT_TIMEOUT_SECONDS="3")
    assert (
        done.returncode == 1
        and "canary answers 1.0.6 on /version instead of 1.0.7." in ready.output("reason")
        and ready.mlflow.aliases["canary"] == "6"
    )


def test_promotes_from_it_what_argo_cd_sees_there(ready):
    ready.application("canary", 7, status(7, 7))
    ready.application("production", 6)
    ready.patchable("production")
    ready.pods_watched("production", (0, "ADDED", pod(7)))
    done = promote(ready, "canary", "production")
    assert done.returncode == 0, done.stderr
    assert ready.mlflow.aliases["production"] == "7"
    assert "canary is on another cluster: only what Argo CD reports of its health is known." in done.stdout


UNFIT = {"another image": (6, status(6, 6)), "another beside it": (7, status(7, 6, 7)), **UNSETTLED}


@pytest.mark.parametrize("case", UNFIT)
def test_promotes_nothing_else_from_it(ready, case):
    told, said = UNFIT[case]
    ready.application("canary", told, said)
    done = promote(ready, "canary", "production")
    assert (
        done.returncode == 1
        and ready.output("outcome") == "refused"
        and not ready.patches()
        and not ready.calls("crane")
    )
    assert "promote the version that runs there" in ready.output("reason")


def test_an_api_server_that_is_unreachable_is_no_answer_of_argo_cd(ready):
    ready.allow("kubectl", "get", "applications.argoproj.io", *["*"] * 5, **says("kubectl", "refused"))
    assert promote(ready, "canary", "production").returncode == 75 and not ready.patches()


# The way back


def test_restores_it_when_argo_cd_has_settled(world):
    world.mlflow.add(6, image_digest=digest(6))
    world.mlflow.served("canary", "1.0.6", digest(6))
    world.mlflow.aliases["canary"] = "6"
    world.current_workflow()
    world.registry_has(6)
    world.patchable("canary")
    world.application("canary", 7, status(7, 7, health="Degraded"), held=6)
    for said in (status(7, 7, health="Degraded"), status(6, 6, 7, health="Degraded"), status(6, 6)):
        world.application("canary", 6, said)
    world.app.serves(6)
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    done = world.run("restore", TARGET_ENVIRONMENT="canary", REMOTE_ENVIRONMENTS=json.dumps(["canary"]))
    assert done.returncode == 0, done.stderr
    assert world.output("restored") == "canary is back on 1.0.6" and [
        images[0].rpartition("@")[2] for images in world.patches()
    ] == [digest(6)]


def test_restores_the_base_image_where_nothing_was_promoted_to_it(world):
    world.current_workflow()
    world.patchable("canary")
    world.application("canary", 7, status(7, 7), held="base")
    for said in (status(7, 7), status(None, "base")):
        world.application("canary", None, said)
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    done = world.run("restore", TARGET_ENVIRONMENT="canary", REMOTE_ENVIRONMENTS=json.dumps(["canary"]))
    assert done.returncode == 0, done.stderr
    assert world.patches() == [None] and world.output("restored") == "canary is back on the base image"
