"""promote.py: only what passed, only what runs; and the target goes back when it does not come to serve it."""

import pytest
from conftest import BASE, CRASH, digest, pod

REPOSITORY = BASE.partition("@")[0]


@pytest.fixture
def ready(world):
    world.mlflow.add(6, image_digest=digest(6), staging__verdict="pass", staging__digest=digest(6))
    world.mlflow.add(7, image_digest=digest(7), staging__verdict="pass", staging__digest=digest(7))
    world.mlflow.aliases.update(staging="7", canary="6")
    world.app.serves(7)
    return world


def promote(world, source="staging", target="canary"):
    return world.run("promote.py", SOURCE_ENVIRONMENT=source, TARGET_ENVIRONMENT=target, MODEL_VERSION="7")


@pytest.mark.parametrize("source,target", [("staging", "canary"), ("canary", "production")])
def test_promotes(ready, source, target):
    ready.pods_listed(source, pod(7), pod(6, leaving=True))
    ready.allow("crane", "tag", f"{REPOSITORY}@{digest(7)}", f"{target}-1.0.7")
    ready.application(target, 6)
    ready.patchable(target)
    ready.pods_watched(target, (0, "ADDED", pod(7)))
    done = promote(ready, source, target)
    assert done.returncode == 0, done.stderr
    assert ready.output("outcome") == "promoted"
    assert ready.mlflow.aliases[target] == "7" and ready.mlflow.aliases["staging"] == "7"
    assert ready.mlflow.versions["7"][f"{target}.digest"] == digest(7)


UNFIT = {
    "failed": {"staging__verdict": "fail", "staging__digest": digest(7)},
    "untested": {},
    "inconclusive": {"staging__verdict": "inconclusive", "staging__digest": digest(7)},
    "verdict without a digest": {"staging__verdict": "pass"},
}


@pytest.mark.parametrize("case", UNFIT)
def test_only_what_passed(world, case):
    world.mlflow.add(7, image_digest=digest(7), **UNFIT[case])
    done = promote(world)
    assert done.returncode == 1 and "not passed staging" in done.stderr and not world.calls("kubectl")
    assert world.output("outcome") == "refused"


@pytest.mark.parametrize("running", [[pod(6)], [], [pod(7, ready=False)], [pod(7), pod(6)]])
def test_only_what_the_source_runs(ready, running):
    ready.pods_listed("staging", *running)
    done = promote(ready)
    assert done.returncode == 1 and "only what runs there goes on" in done.stderr
    assert not ready.calls("crane") and not ready.patches()


@pytest.mark.parametrize("before", [6, None])
def test_target_goes_back(ready, before):
    ready.pods_listed("staging", pod(7))
    ready.allow("crane", "tag", "*", "*")
    if before is None:
        del ready.mlflow.aliases["canary"]
    ready.application("canary", before)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7, ready=False, restarts=2, state=CRASH)))
    ready.pods_watched("canary", (0, "ADDED", pod(before or "base")))
    if before:
        ready.app.serves(6)
    else:
        ready.app.paths.clear()
    done = promote(ready)
    assert done.returncode == 1 and "CrashLoopBackOff" in done.stderr and "is back on" in done.stderr
    assert ready.patches()[-1] == ([f"gourmetgram-app={REPOSITORY}@{digest(6)}"] if before else None)
    assert ready.mlflow.aliases.get("canary") == (before and str(before))
    assert ready.output("outcome") == "broken"
