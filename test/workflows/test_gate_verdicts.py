"""
Verdicts are signed by run_gate.py, and promote.py rests on them: a forged tag, another digest, an older verdict and
another key promote nothing, and the refusal says which it was.
"""

import json

import pytest

from conftest import BASE, digest, passed, pod, says
from lib import gate_verdicts, signing_keys, statement

GATES = ("integration", "load", "resource")


@pytest.fixture
def ready(world):
    """Version 7 runs in staging, and MLflow says that it passed there."""
    world.mlflow.add(6, **passed(6))
    world.mlflow.add(7, **passed(7))
    world.mlflow.aliases.update(staging="7", canary="6")
    world.current_workflow()
    world.frozen()
    world.source("staging", pod(7))
    return world


def refusal(world):
    """Why the promotion is refused."""
    done = world.run("promote", SOURCE_ENVIRONMENT="staging", TARGET_ENVIRONMENT="canary", MODEL_VERSION="7")
    assert done.returncode == 1 and world.output("outcome") == "refused" and not world.patches(), done.stderr
    start = f"Nothing proves that {digest(7)[:19]} of version 7 passed staging: "
    end = ". Run test-staging for it, or build-container-image."
    said = world.output("reason")
    assert said.startswith(start) and said.endswith(end), said
    return said.removeprefix(start).removesuffix(end)


def test_a_forged_tag_promotes_nothing(ready):
    assert refusal(ready) == "no verdict of the integration gate on it is signed by a key that counts"


@pytest.mark.parametrize("gate", GATES)
def test_without_a_signed_verdict_of_each_gate_nothing_is_proven(ready, gate):
    for other in GATES:
        if other != gate:
            ready.judge(7, other)
    assert refusal(ready) == f"no verdict of the {gate} gate on it is signed by a key that counts"


@pytest.mark.parametrize("key", ["training", "build", "release"])
def test_no_other_key_of_the_pipeline_signs_verdicts(ready, key):
    for gate in GATES:
        ready.judge(7, gate, key=key)
    named = signing_keys.key_id(ready.keys.key(key).public_key())[:12]
    why = f"it is signed by {named}, which is none of the keys that count"
    assert refusal(ready) == f"no verdict of the integration gate on it is signed by a key that counts ({why})"


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_the_last_verdict_counts(ready, verdict):
    ready.passes(7)
    ready.judge(7, "load", verdict, at="2026-01-02T00:00:00Z")
    assert refusal(ready) == f"the last signed verdict of the load gate on it is {verdict}, of 2026-01-02T00:00:00Z"


def test_of_two_verdicts_of_the_same_second_the_worse_counts(ready):
    ready.passes(7)
    ready.judge(7, "load", "fail")
    assert refusal(ready).startswith("the last signed verdict of the load gate on it is fail")


def test_a_verdict_on_another_digest_is_no_verdict_on_this_one(ready):
    for gate in GATES:
        replayed = ready.judge(6, gate)
        folder = ready.folder / "referrers"
        index = folder / digest(7).replace(":", "-")
        listed = json.loads(index.read_text())["manifests"] if index.exists() else []
        index.write_text(json.dumps({"manifests": [*listed, {"digest": replayed}]}))
    why = f"it is about another image, {digest(6)[:19]}"
    assert refusal(ready) == f"no verdict of the integration gate on it is signed by a key that counts ({why})"


def promotes(world):
    """Whether the promotion comes to its end."""
    world.app.serves(7)
    world.registry_has(7)
    image = f"{BASE.partition('@')[0]}@{digest(7)}"
    world.allow("crane", "tag", image, "canary-1.0.7", **says("crane", "tag"))
    world.application("canary", 6)
    world.patchable("canary")
    world.pods_watched("canary", (0, "ADDED", pod(7)))
    done = world.run("promote", SOURCE_ENVIRONMENT="staging", TARGET_ENVIRONMENT="canary", MODEL_VERSION="7")
    return done.returncode == 0


def test_a_pass_after_a_fail_counts(ready):
    ready.judge(7, "load", "fail", at="2025-12-31T00:00:00Z")
    ready.passes(7)
    assert promotes(ready)


def test_what_the_key_of_before_a_rotation_signed_counts(ready):
    ready.passes(7)
    ready.keys.rotate("gates")
    assert promotes(ready)


@pytest.mark.parametrize("at", ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])
def test_a_verdict_from_before_a_withdrawal_counts_no_more(ready, at):
    ready.passes(7)
    ready.withdrawn(7, at)
    before = "the pass of the integration gate is of 2026-01-01T00:00:00Z"
    assert refusal(ready) == f"{before}, and was withdrawn at {at}"


def test_what_passed_again_after_a_withdrawal_is_promoted(ready):
    ready.withdrawn(7, "2025-12-31T00:00:00Z")
    ready.withdrawn(7, "2026-01-02T00:00:00Z", key="training")
    ready.passes(7)
    assert promotes(ready)


@pytest.fixture
def judged(world):
    """Staging runs version 7."""
    world.mlflow.add(7, image_digest=digest(7))
    world.app.serves(7)
    world.app.paths["/test"] = (200, "Soup")
    return world


def ask(world, **env):
    return world.run("run_gate", GATE="integration", MODEL_VERSION="7", REACH_SECONDS="1", **env)


def verdicts(world):
    keys = {signing_keys.key_id(key): key for key in [world.keys.key("gates").public_key()]}
    return [statement.read(one, keys, gate_verdicts.PREDICATE) for one in world.attestations(digest(7))]


@pytest.mark.parametrize("answer,verdict", [("Soup", "pass"), ("Pizza", "fail")])
def test_a_gate_signs_what_it_found_of_the_image(judged, answer, verdict):
    judged.registry_has(7)
    judged.app.paths["/test"] = (200, answer)
    assert ask(judged, DIGEST=digest(7)).returncode == 0
    [stated] = verdicts(judged)
    assert stated.subject.sha256 == digest(7)[7:]
    found = gate_verdicts.parse(stated)
    assert (found.gate, found.verdict) == ("integration", verdict) and stated.predicate["workflow"] == "parent"
    assert found.reason == json.loads(judged.output("report"))["reason"]


def test_a_pass_that_cannot_be_signed_ends_the_gate(judged):
    judged.registry_lost(7)
    done = ask(judged, DIGEST=digest(7))
    assert done.returncode == 1 and "crane manifest failed" in done.stderr


def test_what_is_no_pass_is_acted_on_without_a_signature(judged):
    judged.registry_lost(7)
    judged.app.paths["/test"] = (200, "Pizza")
    done = ask(judged, DIGEST=digest(7))
    assert done.returncode == 0 and judged.output("verdict") == "fail" and "Not signed: " in done.stderr
