"""promote.py: only what passed, only what runs, not while frozen; and a target that does not serve it goes back."""

import json
import re
import time

import pytest

from conftest import BASE, digest, evicted, passed, pod, says
from lib.traffic import ANNOTATION, Split
from test_shift_traffic import ROUTE, SETTINGS, has_route, takes_changes

REPOSITORY = BASE.partition("@")[0]


@pytest.fixture
def ready(world):
    load = {"gate": "load", "verdict": "pass", "metrics": {"p95Ms": 110.5, "successPercent": 100}}
    world.mlflow.add(6, image_digest=digest(6), staging__verdict="pass", staging__digest=digest(6))
    world.mlflow.add(
        7, gate__load=json.dumps(load), image_digest=digest(7), staging__verdict="pass", staging__digest=digest(7)
    )
    world.mlflow.aliases.update(staging="7", canary="6")
    world.app.serves(7)
    world.current_workflow(annotations={"gourmetgram.io/submitted-by": "anna@example.org"})
    world.frozen()
    world.registry_has(7)
    world.passes(7, p95Ms=110.5, successPercent=100)
    return world


def promote(world, source="staging", target="canary", **env):
    return world.run("promote", SOURCE_ENVIRONMENT=source, TARGET_ENVIRONMENT=target, MODEL_VERSION="7", **env)


@pytest.mark.parametrize("source,target", [("staging", "canary"), ("canary", "production")])
def test_promotes(ready, source, target):
    ready.mlflow.registered["7"] = int(time.time() * 1000) - 3_600_000
    ready.source(source, pod(7), pod(6, "leaving"))
    ready.allow("crane", "tag", f"{REPOSITORY}@{digest(7)}", f"{target}-1.0.7", **says("crane", "tag"))
    ready.application(target, 6)
    ready.patchable(target)
    ready.pods_watched(target, (0, "ADDED", pod(7)))
    done = promote(ready, source, target)
    assert done.returncode == 0, done.stderr
    assert ready.output("outcome") == "promoted"
    assert ready.mlflow.aliases[target] == "7" and ready.mlflow.aliases["staging"] == "7"
    assert ready.held() == ["1.0.7"] and f"{target}.promoted_at" in ready.mlflow.versions["7"]
    assert ready.mlflow.writes[-1][1].get("alias") == target, "the alias moves last"
    [record] = ready.mlflow.releases(action="promote", environment=target, outcome="promoted", status="FINISHED")
    assert (
        record["requested_by"] == "anna@example.org"
        and record["data_sha256"] == "data7"
        and record["model_run"] == "run7"
    )
    assert record["metrics"] == {"load.p95Ms": 110.5, "load.successPercent": 100}
    assert (record["serves_version"], record["serves_digest"]) == ("1.0.7", digest(7))
    assert record["target_changed"] == "yes"
    assert 3600 <= int(ready.output("lead-seconds")) < 3660
    assert ready.output("restore-seconds") is None


UNFIT = {
    "failed": {"staging__verdict": "fail", "staging__digest": digest(7)},
    "untested": {},
    "inconclusive": {"staging__verdict": "inconclusive", "staging__digest": digest(7)},
    "verdict without a digest": {"staging__verdict": "pass"},
}


def test_not_what_was_collected(ready):
    ready.mlflow.versions["7"]["retention.collected"] = "2026-02-01T04:37:00Z"
    done = promote(ready)
    assert done.returncode == 1 and ready.output("outcome") == "refused" and not ready.patches()
    gone = "Version 7 was collected at 2026-02-01T04:37:00Z to make room, and its files are gone: train a model again."
    assert ready.output("reason") == gone


@pytest.mark.parametrize(
    ("tags", "why"),
    [({"staging__reason": "OOMKilled: it needs more."}, "OOMKilled: it needs more"), ({}, "MLflow does not say why")],
)
def test_what_was_withdrawn_is_said_to_be(world, tags, why):
    world.mlflow.add(7, **{**passed(7), "staging__verdict": "withdrawn", **tags})
    world.current_workflow()
    done = promote(world)
    assert done.returncode == 1 and world.output("outcome") == "refused" and not world.patches()
    assert world.output("reason") == (
        f"Version 7 passed staging, and was withdrawn since: {why}. Promote another version, or run "
        "build-container-image to test it again."
    )


@pytest.mark.parametrize("case", UNFIT)
def test_only_what_passed(world, case):
    world.mlflow.add(7, image_digest=digest(7), **UNFIT[case])
    world.current_workflow()
    done = promote(world)
    assert done.returncode == 1 and "not passed staging" in done.stderr and not world.patches()
    assert world.output("outcome") == "refused"
    [record] = world.mlflow.releases(action="promote", outcome="refused", status="FAILED")
    assert "not passed staging" in record["reason"] and "serves_version" not in record
    assert record["target_changed"] == "no"


def test_a_version_that_mlflow_does_not_know_is_refused(world):
    world.current_workflow()
    assert promote(world).returncode == 1 and world.output("outcome") == "refused"
    [record] = world.mlflow.releases(action="promote", outcome="refused", status="FAILED")
    assert (record["reason"], record["target_changed"]) == (
        "MLflow knows no version 7 of GourmetGramFood11Model: train one first.",
        "no",
    )


def test_a_target_that_takes_no_release_was_not_changed(ready):
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    ready.application("canary", 6, held=6)
    ready.pods_listed("canary", pod(6))
    ready.allow("kubectl", "patch", *["*"] * 10, **says("kubectl", "forbidden"))
    assert promote(ready).returncode == 1 and ready.output("outcome") == "broken"
    assert len(ready.calls("kubectl", "patch")) == 1
    [record] = ready.mlflow.releases(action="promote", outcome="broken")
    assert record["reason"].endswith("canary was not changed.") and record["target_changed"] == "no"


@pytest.mark.parametrize("running", [[pod(6)], [], [pod(7, "starting")], [pod(7), pod(6)]])
def test_only_what_the_source_runs(ready, running):
    ready.pods_listed("staging", *running)
    done = promote(ready)
    assert done.returncode == 1 and "promote the version that runs there" in done.stderr
    assert not ready.calls("crane") and not ready.patches()


@pytest.mark.parametrize("before", [6, None])
def test_target_goes_back(ready, before):
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    if before is None:
        del ready.mlflow.aliases["canary"]
    ready.application("canary", before, held=before or "base")
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7, "crash-looping")))
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
    [record] = ready.mlflow.releases(outcome="broken")
    assert (record["status"], record["target_changed"]) == ("FAILED", "yes")
    assert ready.output("restored-environment") == "canary" and int(ready.output("restore-seconds")) < 60


def test_not_while_frozen(ready):
    ready.rules["kubectl"] = [rule for rule in ready.rules["kubectl"] if "configmaps" not in rule["args"]]
    ready.frozen(who="ops@example.org", since="2026-01-02T03:04:05Z", why="the fair is on\nand {{on}}")
    done = promote(ready)
    assert done.returncode == 1 and not ready.patches() and ready.output("outcome") == "refused"
    assert ready.output("reason") == (
        "Promotions are frozen by ops@example.org since 2026-01-02T03:04:05Z: the fair is on and { {on} }. "
        "Run npm run unfreeze to continue."
    )


def test_a_freeze_that_cannot_be_looked_up_lets_nothing_through(ready):
    ready.rules["kubectl"] = [rule for rule in ready.rules["kubectl"] if "configmaps" not in rule["args"]]
    ready.allow("kubectl", "get", "configmaps", *["*"] * 5, **says("kubectl", "not-found"))
    done = promote(ready)
    assert done.returncode == 1 and not ready.patches() and ready.output("outcome") == "broken"
    gone = "Nobody can tell whether promotions are frozen: the ConfigMap promotion-freeze is gone"
    assert ready.output("reason").startswith(f"{gone}. Run npm start -- --refresh.")


@pytest.mark.parametrize("minutes,passes", [(None, False), (50, False), (70, True)])
def test_soaks_in_canary(ready, minutes, passes):
    if minutes:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60 * minutes))
        ready.mlflow.versions["7"]["canary.promoted_at"] = since
    ready.source("canary", pod(7))
    ready.application("production")
    ready.patchable("production")
    ready.pods_watched("production", (0, "ADDED", pod(7)))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    done = promote(ready, "canary", "production", MINIMUM_SOAK_MINUTES="60")
    assert done.returncode == (0 if passes else 1) and bool(ready.patches()) == passes
    if not passes:
        assert (
            "more minutes before it can be promoted" in ready.output("reason") and ready.output("outcome") == "refused"
        )


def test_the_soak_does_not_begin_before_a_pod_is_ready(ready):
    ready.mlflow.versions["7"]["canary.promoted_at"] = "2026-01-05T00:00:00Z"
    young = [pod(7, name=f"pod-{name}") for name in ("a", "b")]
    began = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60 * minutes)) for minutes in (20, 10)]
    for one, at in zip(young, began, strict=True):
        [condition] = [each for each in one["status"]["conditions"] if each["type"] == "Ready"]
        condition["lastTransitionTime"] = at
    ready.source("canary", pod(7, "leaving", name="leaving"), evicted(7), *young, replicas=2)
    done = promote(ready, "canary", "production", MINIMUM_SOAK_MINUTES="60")
    assert done.returncode == 1 and ready.output("outcome") == "refused" and not ready.patches()
    assert re.fullmatch(
        r"canary has to run version 7 for (39\.9|40\.0) more minutes before it can be promoted, since its pods there "
        rf"are ready only since {began[0]}: promote it then\.",
        ready.output("reason"),
    )


def test_staging_needs_no_soak(ready):
    ready.source("staging", pod(7))
    ready.application("canary", 6)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7)))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    done = promote(ready, "staging", "canary", MINIMUM_SOAK_MINUTES="60")
    assert done.returncode == 0, done.stderr


def test_a_registry_that_is_unreachable_is_waited_for_by_running_again(ready):
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", "*", "*", **says("crane", "refused"))
    done = promote(ready)
    assert done.returncode == 75 and not ready.patches() and ready.output("outcome") is None
    ready.rules["crane"] = []
    ready.registry_has(7)
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    ready.application("canary", 6)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7)))
    assert promote(ready).returncode == 0
    assert [record["outcome"] for record in ready.mlflow.releases()] == ["promoted"]


def test_an_api_server_that_is_unreachable_is_waited_for_and_nothing_is_reverted(ready):
    ready.source("staging", pod(7))
    ready.pods_listed("canary", pod(6))
    ready.allow("crane", "tag", "*", "*")
    ready.application("canary", 6)
    ready.allow("kubectl", "patch", *["*"] * 10, **says("kubectl", "refused"))
    done = promote(ready)
    assert done.returncode == 75 and len(ready.patches()) == 1 and ready.mlflow.aliases["canary"] == "6"
    assert [record["status"] for record in ready.mlflow.releases()] == ["RUNNING"]


def comes_to_serve_it_and_is_interrupted(ready):
    """Canary comes to serve 7, which it holds, and MLflow is away before the record says so."""
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    ready.application("canary", 6, held=6)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7)))
    ready.mlflow.fail_on("set-tag")
    assert promote(ready, MLFLOW_PATIENCE_SECONDS="1").returncode == 75 and ready.held() == ["1.0.7"]
    ready.mlflow.fail_on(None)


def is_told(ready, version, held, held_at):
    ready.rules["kubectl"] = [rule for rule in ready.rules["kubectl"] if "gourmetgram-canary" not in rule["args"]]
    ready.application("canary", version, held=held, held_at=held_at)


def freeze(ready):
    ready.rules["kubectl"] = [rule for rule in ready.rules["kubectl"] if rule["args"][1] != "configmaps"]
    ready.frozen(who="anna", since="today", why="exams")


def test_what_serves_is_promoted_although_a_rule_forbids_it_before_the_record_says_so(ready):
    comes_to_serve_it_and_is_interrupted(ready)
    is_told(ready, 7, held=7, held_at=int(time.time() * 1000))
    freeze(ready)
    done = promote(ready)
    assert (done.returncode, ready.output("outcome")) == (0, "promoted"), done.stderr
    assert len(ready.patches()) == 1 and ready.mlflow.aliases["canary"] == "7"
    [record] = ready.mlflow.releases()
    assert (record["outcome"], record["serves_version"], record["serves_digest"]) == ("promoted", "1.0.7", digest(7))


@pytest.mark.parametrize(
    "told,held,held_at", [(7, 7, 5), (6, 7, None), (6, 6, None)], ids=["held before", "told another", "holds another"]
)
def test_a_rule_forbids_what_does_not_serve_yet(ready, told, held, held_at):
    comes_to_serve_it_and_is_interrupted(ready)
    is_told(ready, told, held=held, held_at=held_at or int(time.time() * 1000))
    freeze(ready)
    done = promote(ready)
    assert done.returncode == 1 and ready.output("reason").startswith("Promotions are frozen by anna")


@pytest.mark.parametrize(
    "away,said",
    [(None, "OOMKilled"), ("LIKE", "MLflow at .* did not answer")],
    ids=["failing", "away"],
)
def test_a_way_back_that_fails_does_not_hide_why_it_was_taken(world, away, said):
    world.mlflow.add(6)
    world.mlflow.served("canary", "1.0.6", digest(6))
    world.mlflow.add(8, **passed(8))
    world.passes(8)
    world.application("canary", 6)
    world.mlflow.aliases["canary"] = "6"
    world.current_workflow()
    world.frozen()
    world.source("staging", pod(8))
    world.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    world.patchable("canary")
    world.pods_watched("canary", (0, "ADDED", pod(8, "crash-looping")))
    world.pods_watched("canary", (0, "ADDED", pod(6, "oom-restarted")))
    world.mlflow.fail_on(away)
    done = world.run(
        "promote",
        SOURCE_ENVIRONMENT="staging",
        TARGET_ENVIRONMENT="canary",
        MODEL_VERSION="8",
        MLFLOW_PATIENCE_SECONDS="1",
    )
    assert done.returncode == 1 and re.search(f"CrashLoopBackOff.*has not yet: .*{said}", world.output("reason"))
    assert [record["outcome"] for record in world.mlflow.releases()] == ["broken"]


def test_the_way_back_does_not_need_mlflow(ready):
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    ready.application("canary", 6, held=6)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7, "crash-looping")))
    ready.pods_watched("canary", (0, "ADDED", pod(6)))
    ready.app.serves(6)
    ready.mlflow.fail_on("LIKE")
    done = promote(ready, MLFLOW_PATIENCE_SECONDS="1")
    assert done.returncode == 1 and "canary is back on 1.0.6." in ready.output("reason")
    assert ready.patches()[-1] == [f"gourmetgram-app={REPOSITORY}@{digest(6)}"]


def test_what_nothing_is_known_of_is_not_taken_to_the_base_image(ready):
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    ready.application("canary", 6)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7, "crash-looping")))
    done = promote(ready)
    left = "canary is left as it is: nothing is known of a release before this one."
    assert done.returncode == 1 and left in ready.output("reason") and len(ready.patches()) == 1


def test_the_first_release_holds_the_base_image_to_go_back_to(ready):
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    ready.application("canary")
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7)))
    assert promote(ready).returncode == 0
    assert ready.held() == ["base", "1.0.7"]


def test_a_version_that_is_deleted_while_it_is_promoted_serves_all_the_same(ready):
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    ready.application("canary", 6)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7)))
    ready.mlflow.lose_on("set-tag")
    done = promote(ready)
    assert done.returncode == 0, done.stderr
    assert ready.output("reason") == "canary serves 1.0.7, and MLflow no longer has version 7"
    [record] = ready.mlflow.releases(action="promote", outcome="promoted")
    assert record["serves_version"] == "1.0.7" and ready.held() == ["1.0.7"]


@pytest.mark.parametrize(
    "tag,value",
    [
        ("gate.review", "looked at it"),
        ("gate.review", "[]"),
        ("gate.review", '{"metrics": 7}'),
        ("gate.review", '{"metrics": {"a": NaN, "b": "x", "c": true}}'),
        ("canary.promoted_at", "yesterday"),
    ],
)
def test_what_a_person_writes_on_a_version_is_ignored(ready, tag, value):
    ready.mlflow.versions["7"][tag] = value
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    ready.application("canary", 6)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7)))
    done = promote(ready)
    assert done.returncode == 0, done.stderr
    [record] = ready.mlflow.releases(action="promote", outcome="promoted")
    assert record["metrics"] == {"load.p95Ms": 110.5, "load.successPercent": 100}


@pytest.mark.parametrize("promoted_at", ["yesterday", "", "2026-01-02"])
def test_a_time_that_cannot_be_read_is_no_soak(ready, promoted_at):
    ready.mlflow.versions["7"]["canary.promoted_at"] = promoted_at
    ready.source("canary", pod(7))
    done = promote(ready, "canary", "production", MINIMUM_SOAK_MINUTES="60")
    assert done.returncode == 1 and "canary has to run version 7 for 60.0 more minutes" in ready.output("reason")


# The health of the source

PROMOTED = "2026-01-01T00:00:00Z"  # the time of every state in the recorded pods


def at(time, one):
    """A pod whose container ended, and runs again, at a time."""
    status = one["status"]["containerStatuses"][0]
    for state in (status["state"], status["lastState"]):
        for detail, key in (("running", "startedAt"), ("terminated", "finishedAt")):
            if detail in state:
                state[detail][key] = time
    return one


def named(name, state, restarts=None):
    return pod(7, state, name=name, restarts=restarts)


KILLED = "OOMKilled: the model needs more than the memory limit of 256Mi"
ILL = {
    "one ready, another killed": ([named("b", "oom-killed", 0)], f"{KILLED} (0 restarts)"),
    "one ready, another killed and ready again": ([named("b", "oom-recovered", 1)], f"{KILLED} (1 restart)"),
    "one ready, another in a crash loop": (
        [named("b", "crash-looping", 37)],
        "CrashLoopBackOff: exit code 1, 37 restarts",
    ),
    "one ready, another restarted once": (
        [named("b", "crash-recovered", 1)],
        "the container ended 1 time, last with Error (exit code 1)",
    ),
    "one ready, another not": ([named("b", "starting")], "Running: the container is not ready"),
    "one ready, another not scheduled": ([named("b", "unschedulable")], "Pending: 0/1 nodes are available"),
    "fewer than the Deployment's replicas": ([], "it runs 1 of 2 pods"),
    "fewer, since one was evicted": ([pod(7, "evicted", name="b")], "it runs 1 of 2 pods"),
    "fewer, since one leaves": ([named("b", "leaving")], "it runs 1 of 2 pods"),
}


def promote_from_canary(world, *pods, replicas=2, promoted=PROMOTED):
    if promoted:
        world.mlflow.versions["7"]["canary.promoted_at"] = promoted
    world.source("canary", *pods, replicas=replicas)
    world.application("production", 6)
    world.patchable("production", pod(6))
    world.pods_watched("production", (0, "ADDED", pod(7)))
    world.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    return promote(world, "canary", "production")


@pytest.mark.parametrize("case", ILL)
def test_only_what_the_source_has_run_in_health(ready, case):
    others, said = ILL[case]
    done = promote_from_canary(ready, pod(7, name="a"), *others)
    assert done.returncode == 1 and ready.output("outcome") == "refused"
    assert not ready.patches() and not ready.calls("crane") and "production" not in ready.mlflow.aliases
    assert ready.output("reason").startswith(f"canary does not run version 7 in health: {said}")
    [record] = ready.mlflow.releases(action="promote", outcome="refused", status="FAILED")
    assert said in record["reason"]


def test_a_refusal_says_what_counts_and_what_to_do(ready):
    promote_from_canary(ready, named("a", "crash-recovered", 1), replicas=1)
    assert ready.output("reason").endswith(
        "What happened there since 2026-01-01T00:00:00Z counts: find the cause, then promote it from staging to canary "
        "again, where its soak then begins anew."
    )


def test_a_source_in_health_is_promoted_from(ready):
    done = promote_from_canary(ready, pod(7, name="a"), pod(7, name="b"), pod(6, "leaving"), pod(6, "evicted", "old"))
    assert done.returncode == 0, done.stderr
    assert ready.mlflow.aliases["production"] == "7"


@pytest.mark.parametrize(
    "time,promoted,passes",
    [
        ("2025-12-31T23:59:59Z", PROMOTED, True),
        (PROMOTED, PROMOTED, False),  # in that very second
        ("2026-01-01T00:00:01Z", PROMOTED, False),
        ("2025-12-31T23:59:59Z", None, False),  # nobody knows when it was released
    ],
)
@pytest.mark.parametrize("state", ["oom-recovered", "crash-recovered"])
def test_what_ended_before_it_was_promoted_there_does_not_count(ready, state, time, promoted, passes):
    done = promote_from_canary(ready, at(time, pod(7, state, restarts=3)), replicas=1, promoted=promoted)
    assert done.returncode == (0 if passes else 1), done.stderr


def ended(code, reason, restarts):
    """A pod that runs again after its container ended so."""
    one = pod(7, "crash-recovered", restarts=restarts)
    one["status"]["containerStatuses"][0]["lastState"]["terminated"] |= {"exitCode": code, "reason": reason}
    return one


@pytest.mark.parametrize(
    "code,reason,restarts,passes",
    [
        (0, "Completed", 1, True),  # its node was shut down in order
        (255, "Unknown", 1, True),  # its node went away
        (0, "Completed", 37, False),  # nobody knows how it ended before
        (137, "Error", 1, False),
    ],
)
def test_an_end_that_was_asked_for_does_not_count(ready, code, reason, restarts, passes):
    done = promote_from_canary(ready, ended(code, reason, restarts), replicas=1, promoted="2025-12-31T00:00:00Z")
    assert done.returncode == (0 if passes else 1), done.stderr


def test_a_restart_whose_end_is_no_longer_known_counts_by_when_the_container_runs(ready):
    lost = at("2026-01-02T00:00:00Z", pod(7, restarts=1))
    assert promote_from_canary(ready, lost, replicas=1).returncode == 1
    assert "the container ended 1 time, and its node no longer knows how" in ready.output("reason")


def test_staging_is_asked_how_it_ran_since_the_version_passed(ready):
    ready.mlflow.versions["7"]["staging.verdict_at"] = PROMOTED
    ready.source("staging", pod(7, "oom-recovered"))
    assert promote(ready).returncode == 1 and not ready.patches()
    assert ready.output("reason").endswith("find the cause, then delete its pods, and run test-staging for it.")


def test_what_was_promoted_there_again_begins_anew(ready):
    ready.mlflow.aliases["canary"] = "7"
    ready.source("staging", pod(7))
    ready.application("canary", 7)
    ready.patchable("canary", pod(7, "oom-recovered"))
    ready.pods_watched("canary", (0, "ADDED", pod(7, "oom-recovered")))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    assert promote(ready).returncode == 0
    assert ready.mlflow.versions["7"]["canary.promoted_at"] > PROMOTED
    assert promote_from_canary(ready, pod(7, "oom-recovered"), replicas=1, promoted=None).returncode == 0


def test_a_version_that_was_there_before_has_no_second_lead_time(ready):
    ready.mlflow.versions["7"]["canary.promoted_at"] = PROMOTED
    ready.source("staging", pod(7))
    ready.application("canary", 6)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7)))
    ready.allow("crane", "tag", "*", "*", **says("crane", "tag"))
    assert promote(ready).returncode == 0
    assert ready.output("lead-seconds") == ""


def test_a_candidate_beside_it_says_nothing_of_its_health(ready):
    assert promote_from_canary(ready, pod(7), pod(8, "crash-looping"), replicas=1).returncode == 0


@pytest.fixture
def met(ready):
    """Version 7 can go to canary, whose users the gateway leads there; production serves 6."""
    ready.source("staging", pod(7))
    ready.allow("crane", "tag", f"{REPOSITORY}@{digest(7)}", "canary-1.0.7", **says("crane", "tag"))
    ready.application("canary", 6)
    ready.application("canary", 7, held=7)
    ready.application("production", 6, held=6)
    ready.patchable("canary")
    ready.pods_watched("canary", (0, "ADDED", pod(7)))
    has_route(ready, None)
    return ready


def test_users_meet_a_version_in_canary_as_soon_as_it_serves(met):
    takes_changes(met)
    done = promote(met, TRAFFIC=json.dumps(SETTINGS))
    assert done.returncode == 0, done.stderr
    assert met.output("reason") == "canary serves 1.0.7, and 1 % of the users meet it"


def test_no_user_of_the_version_that_leaves_canary_meets_the_next_one_before_it_serves(met):
    kept = [rule for rule in met.rules["kubectl"] if rule["args"][1] not in (ROUTE[0], "applications.argoproj.io")]
    met.rules["kubectl"] = kept
    met.patchable("canary")
    # Half of the users meet version 5 in canary until it is told to run 7.
    met.application("production", 6, held=6)
    met.application("canary", 5, held=5)
    met.application("canary", 7, held=5)
    met.application("canary", 7, held=7)
    has_route(met, Split("1.0.5", (1, 50), 5))
    has_route(met, Split("1.0.5", (1, 50), 5, paused="canary is between two releases"))
    takes_changes(met)
    done = promote(met, TRAFFIC=json.dumps(SETTINGS))
    assert (done.returncode, met.output("reason")) == (0, "canary serves 1.0.7, and 1 % of the users meet it")
    changes = [(call["args"][1], json.loads(call["args"][-1])) for call in met.calls("kubectl", "patch")]
    assert [kind for kind, _ in changes][:2] == ["applications.argoproj.io", ROUTE[0]]
    splits = [json.loads(change["metadata"]["annotations"][ANNOTATION]) for kind, change in changes if kind == ROUTE[0]]
    told, served = [(split["version"], split["percents"], split["paused"]) for split in splits]
    assert told == ("1.0.5", [1, 50], "canary is between two releases")
    assert served == ("1.0.7", [1], "")


def test_a_gateway_that_is_away_fails_no_promotion(met):
    takes_changes(met, **says("kubectl", "refused"))
    done = promote(met, TRAFFIC=json.dumps(SETTINGS))
    assert (done.returncode, met.output("reason")) == (0, "canary serves 1.0.7")
    assert "The gateway was not told" in done.stderr


@pytest.fixture
def onward(ready):
    """Version 7 in canary can go to production, which serves 6, and users of the gateway meet it."""
    ready.source("canary", pod(7))
    ready.allow("crane", "tag", f"{REPOSITORY}@{digest(7)}", "production-1.0.7", **says("crane", "tag"))
    ready.application("canary", 7, held=7)
    ready.application("production", 6, held=6)
    ready.patchable("production")
    ready.pods_watched("production", (0, "ADDED", pod(7)))
    return ready


FADED = "confidence 0.41 beside 0.85"


def test_what_was_withdrawn_from_its_users_is_not_promoted(onward):
    has_route(onward, Split("1.0.7", (1, 10), 5, withdrawn=FADED))
    done = promote(onward, "canary", "production", TRAFFIC=json.dumps(SETTINGS))
    assert (done.returncode, onward.output("outcome")) == (1, "refused")
    assert onward.output("reason") == f"1.0.7 was withdrawn from canary: {FADED}." and not onward.patches()


def test_what_is_withdrawn_while_it_is_promoted_goes_back(onward):
    for _ in ("for the record", "for the rule", "when production is told"):
        has_route(onward, Split("1.0.7", (1, 10), 5))
    has_route(onward, Split("1.0.7", (1, 10), 5, withdrawn=FADED))
    onward.pods_watched("production", (0, "ADDED", pod(6)))
    onward.app.paths["/version"] = [(200, json.dumps({"model_version": f"1.0.{version}"})) for version in (7, 6)]
    done = promote(onward, "canary", "production", TRAFFIC=json.dumps(SETTINGS))
    assert (done.returncode, onward.output("outcome")) == (1, "broken")
    said = f"1.0.7 was withdrawn from canary while it was promoted: {FADED}. production is back on 1.0.6"
    assert onward.output("reason").startswith(said), onward.output("reason")
    assert onward.patches()[-1] == [f"gourmetgram-app={REPOSITORY}@{digest(6)}"]
    assert "production" not in onward.mlflow.aliases


def test_the_record_says_on_what_share_it_disagreed_with_production_and_in_which_classes(onward):
    has_route(onward, Split("1.0.7", (1, 10), 5, copies=340, copies_differing=(("Meat", 5), ("Soup", 7))))
    takes_changes(onward)
    done = promote(onward, "canary", "production", TRAFFIC=json.dumps(SETTINGS))
    assert (done.returncode, onward.output("outcome")) == (0, "promoted"), done.stderr
    [record] = onward.mlflow.releases(action="promote", environment="production", outcome="promoted")
    assert json.loads(record["disagreement"]) == {
        "sentence": "disagrees with production on 12 of 340 users' pictures: Soup 7, Meat 5",
        "copies": {"compared": 340, "differing": {"Meat": 5, "Soup": 7}},
    }


@pytest.mark.parametrize("split", [Split("1.0.7", (1,), 5), Split("1.0.6", (1,), 5, copies=9)])
def test_the_record_says_nothing_where_nothing_was_compared_of_this_version(onward, split):
    has_route(onward, split)
    takes_changes(onward)
    assert promote(onward, "canary", "production", TRAFFIC=json.dumps(SETTINGS)).returncode == 0
    [record] = onward.mlflow.releases(action="promote", environment="production")
    assert "disagreement" not in record


@pytest.mark.parametrize("split", [None, Split("1.0.6", (1, 10), 5, withdrawn=FADED)])
def test_another_versions_withdrawal_holds_nothing_up(onward, split):
    has_route(onward, split)
    takes_changes(onward)
    done = promote(onward, "canary", "production", TRAFFIC=json.dumps(SETTINGS))
    assert (done.returncode, onward.output("outcome")) == (0, "promoted"), done.stderr


def test_a_route_that_is_gone_says_nothing_of_a_version(onward):
    onward.allow("kubectl", "get", *ROUTE, "--output", "json", **says("kubectl", "not-found"))
    done = promote(onward, "canary", "production", TRAFFIC=json.dumps(SETTINGS))
    assert (done.returncode, onward.output("outcome")) == (0, "promoted"), done.stderr
    assert "The gateway was not asked" in done.stderr
