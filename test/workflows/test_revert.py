"""revert.py: back to the last version that passed, or to the base image."""

import datetime

import pytest

from conftest import BASE, comes_back, digest, evicted, passed, pod, says


@pytest.fixture
def staging(world):
    world.patchable("staging")
    world.mlflow.aliases["staging"] = "8"
    world.application("staging", 8)
    world.application("canary")
    world.application("production")
    world.registry_has(5)
    world.under_lock()
    return world


def test_goes_to_the_last_that_passed(staging):
    staging.mlflow.add(5, **passed(5, "2026-01-05T00:00:00Z"))
    staging.mlflow.add(6, **passed(6, "2026-01-04T00:00:00Z"))
    staging.mlflow.add(7, image_digest=digest(7))  # untested
    staging.mlflow.add(8, image_digest=digest(8), staging__verdict="fail", staging__digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", pod(8)), (0.1, "ADDED", pod(5)), (0.1, "DELETED", pod(8)))
    staging.app.serves(5)
    done = staging.run("revert", FAILED_VERSION="8", REASON="resource: OOMKilled")
    assert done.returncode == 0, done.stderr
    assert staging.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(5)}"]]
    assert staging.mlflow.aliases["staging"] == "5"
    assert staging.mlflow.versions["8"]["staging.reverted_to"] == "1.0.5"
    assert staging.mlflow.versions["8"]["staging.revert_reason"] == "resource: OOMKilled"
    assert (staging.output("outcome"), staging.output("reverted-to")) == ("reverted", "1.0.5")
    [record] = staging.mlflow.releases(action="revert", environment="staging", outcome="reverted", status="FINISHED")
    assert record["reason"] == "resource: OOMKilled; staging is back on 1.0.5"
    assert (record["serves_version"], record["serves_digest"]) == ("1.0.5", digest(5))


@pytest.mark.parametrize("value", ["looked at it", "[]", '{"metrics": 7}'])
@pytest.mark.parametrize("failed", ["8", ""])
def test_what_a_person_writes_on_a_version_is_ignored(staging, failed, value):
    staging.mlflow.add(5, **passed(5), gate__review=value)
    staging.mlflow.add(8, image_digest=digest(8), gate__review=value)
    comes_back(staging)
    done = staging.run("revert", FAILED_VERSION=failed)
    assert done.returncode == 0, done.stderr
    assert (staging.output("outcome"), staging.output("reverted-to")) == ("reverted", "1.0.5")
    [record] = staging.mlflow.releases(action="revert", outcome="reverted")
    assert record["serves_version"] == "1.0.5"


def seconds(at):
    """Milliseconds since 1970 of a time in UTC."""
    return int(datetime.datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC).timestamp() * 1000)


@pytest.fixture
def many_passed(staging):
    """Versions 10 to 21 passed one after another, each changed by its verdict; then 5, an older one, did."""
    for number, version in enumerate([*range(10, 22), 5]):
        at = f"2025-12-01T00:{number:02}:00Z"
        staging.mlflow.add(version, **passed(version, at))
        staging.mlflow.change(str(version), seconds(at))
    staging.mlflow.add(8, image_digest=digest(8))
    return staging


def test_of_many_that_passed_it_asks_for_the_last_alone(many_passed):
    comes_back(many_passed)
    done = many_passed.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
    # Two for the image that runs, and one of those that passed.
    assert many_passed.output("reverted-to") == "1.0.5" and many_passed.mlflow.pages == 3


def test_what_a_person_changed_since_does_not_hide_the_last_that_passed(many_passed):
    for version in range(10, 21):
        many_passed.mlflow.change(str(version))
    comes_back(many_passed)
    done = many_passed.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert many_passed.output("reverted-to") == "1.0.5"


def test_every_version_that_passed_is_come_to_where_images_are_lost(many_passed):
    for version in range(11, 22):
        many_passed.registry_lost(version)
    many_passed.rules["crane"] = [rule for rule in many_passed.rules["crane"] if digest(5) not in rule["args"][-1]]
    many_passed.registry_lost(5)
    many_passed.registry_has(10)
    many_passed.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    comes_back(many_passed, 10)
    done = many_passed.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert many_passed.output("reverted-to") == "1.0.10"


@pytest.mark.parametrize("failed", ["8", ""])
def test_twice_is_harmless(staging, failed):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", pod(5)))
    staging.app.serves(5)
    assert staging.run("revert", FAILED_VERSION=failed).returncode == 0
    staging.rules["kubectl"] = [
        rule
        for rule in staging.rules["kubectl"]
        if "applications.argoproj.io" not in rule["args"] or rule["args"][0] != "get"
    ]
    staging.application("staging", 5)
    assert staging.run("revert", FAILED_VERSION=failed).returncode == 0
    assert staging.mlflow.aliases["staging"] == "5" and len(staging.mlflow.releases()) == 1


def test_a_version_that_passed_is_not_gone_back_to_when_it_is_the_failed_one(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, **passed(8, "2026-02-01T00:00:00Z"))
    staging.pods_watched("staging", (0, "ADDED", pod(5)))
    staging.app.serves(5)
    assert staging.run("revert", FAILED_VERSION="8").returncode == 0
    assert staging.output("reverted-to") == "1.0.5"


@pytest.mark.parametrize(
    ("number", "since"),
    [
        (1, "no version has passed staging yet"),
        # Of versions 1 to 7 nobody knows what became of them.
        (8, "no other version that passed staging is left"),
    ],
)
def test_first_model_bad(staging, number, since):
    is_told(staging, number)
    staging.mlflow.aliases["staging"] = str(number)
    staging.mlflow.add(number, image_digest=digest(number), staging__verdict="fail")
    staging.pods_watched("staging", (0, "ADDED", pod("base")))
    done = staging.run("revert", FAILED_VERSION=str(number))
    assert done.returncode == 0, done.stderr
    assert staging.patches() == [None] and "staging" not in staging.mlflow.aliases
    assert staging.output("reverted-to") == "base"
    assert staging.output("reason") == f"staging is back on the base image, since {since}"


def test_alias_stays_when_staging_does_not_come_back(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", pod(5, "pull-backoff")))
    done = staging.run("revert", FAILED_VERSION="8", ROLLOUT_TIMEOUT_SECONDS="3")
    assert done.returncode == 1 and staging.mlflow.aliases["staging"] == "8" and staging.output("outcome") == "broken"


def test_by_hand_without_parameters(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))  # deployed by hand, never tested
    staging.pods_watched("staging", (0, "ADDED", pod(8)), (0.1, "ADDED", pod(5)), (0.1, "DELETED", pod(8)))
    staging.app.serves(5)
    done = staging.run("revert", FAILED_VERSION="", REASON="")
    assert done.returncode == 0, done.stderr
    assert staging.mlflow.aliases["staging"] == "5" and staging.output("reverted-to") == "1.0.5"
    assert staging.mlflow.versions["8"]["staging.reverted_to"] == "1.0.5"
    assert staging.mlflow.releases()[0]["reason"] == "version 8 has not passed staging; staging is back on 1.0.5"


def test_on_a_schedule_changes_nothing_where_all_is_well(staging):
    staging.registry_has(8)
    staging.mlflow.add(8, **passed(8))
    done = staging.run("revert")
    assert done.returncode == 0, done.stderr
    assert not staging.patches() and staging.held() == ["1.0.8"]
    assert not staging.mlflow.writes and not staging.mlflow.releases()


def test_on_a_schedule_tries_a_sync_again_that_argo_cd_gave_up(staging):
    staging.registry_has(8)
    staging.mlflow.add(8, **passed(8))
    staging.application("staging", 8, {"sync": {"status": "OutOfSync"}, "operationState": {"phase": "Error"}})
    staging.pods_watched("staging", (0, "ADDED", pod(8)))
    staging.app.serves(8)
    done = staging.run("revert")
    assert done.returncode == 0, done.stderr
    assert staging.syncs_again() == ["staging"]


def test_closes_the_record_of_a_deployment_that_was_deleted(staging):
    staging.mlflow.add(8, image_digest=digest(8))
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.open_release(
        "old", action="deploy", environment="staging", workflow_uid="gone", workflow="deploy-container-image-v8-x"
    )
    staging.pods_watched("staging", (0, "ADDED", pod(5)))
    staging.app.serves(5)
    assert staging.run("revert").returncode == 0
    [record] = staging.mlflow.releases(action="deploy", outcome="interrupted", status="FAILED")
    assert record["reason"] == "deploy-container-image-v8-x was interrupted; staging serves 1.0.5"


def test_without_the_lock_nothing_is_reverted(staging):
    staging.mlflow.add(5, **passed(5))
    staging.under_lock(None)
    assert staging.run("revert").returncode == 1 and not staging.patches() and not staging.mlflow.releases()


def test_evicted_pods_never_block_a_revert(staging):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8))
    staging.pods_watched("staging", (0, "ADDED", evicted(5)), (0, "ADDED", evicted(8)), (0, "ADDED", pod(5)))
    staging.app.serves(5)
    done = staging.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr


def test_goes_back_to_the_image_that_passed_alone(unjudged):
    unjudged.mlflow.add(5, **{**passed(5), "image_digest": digest(9)})
    unjudged.mlflow.add(6, **{**passed(6, "2026-03-01T00:00:00Z"), "staging__verdict": "fail"})
    comes_back(unjudged)
    done = unjudged.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0 and [patch[0].rpartition("@")[2] for patch in unjudged.patches()] == [digest(5)], (
        done.stderr
    )


def test_a_revert_that_fails_leaves_the_alias_and_says_so(unjudged):
    unjudged.pods_watched("staging", (0, "ADDED", pod(5, "crash-looping")))
    done = unjudged.run("revert", FAILED_VERSION="8")
    assert done.returncode == 1 and unjudged.mlflow.aliases["staging"] == "8" and unjudged.output("outcome") == "broken"
    assert [record["status"] for record in unjudged.mlflow.releases(action="revert", outcome="broken")] == ["FAILED"]


@pytest.mark.parametrize("part", ["registered-models/alias", "runs/log-batch"])
def test_a_revert_that_is_interrupted_continues_with_its_record(unjudged, part):
    comes_back(unjudged)
    unjudged.mlflow.fail_on(part)
    done = unjudged.run("revert", FAILED_VERSION="8", MLFLOW_PATIENCE_SECONDS="1")
    assert done.returncode == 75 and unjudged.output("outcome") is None
    unjudged.mlflow.fail_on(None)
    unjudged.rules["kubectl"] = [
        rule for rule in unjudged.rules["kubectl"] if rule["args"][:2] != ["get", "applications.argoproj.io"]
    ]
    unjudged.application("staging", 5)
    assert unjudged.run("revert", FAILED_VERSION="8").returncode == 0
    assert [record["status"] for record in unjudged.mlflow.releases()] == ["FINISHED"] and unjudged.mlflow.aliases[
        "staging"
    ] == "5"


# What a person does to MLflow, and what the registry lost


def test_a_version_that_is_mistyped_is_refused(world):
    world.mlflow.add(5, **passed(5))
    world.application("staging", 5)
    world.current_workflow()
    done = world.run("revert", FAILED_VERSION="77")
    assert done.returncode == 2 and not world.calls("kubectl", "patch") and not world.mlflow.releases()
    assert done.stderr == (
        "Invalid input: FAILED_VERSION 77 is no version in MLflow: give one that is, or none to leave what staging "
        "runs without its having passed.\n"
    )


def test_a_version_that_was_deleted_while_it_was_tested_is_reverted(staging):
    staging.mlflow.add(5, **passed(5))
    comes_back(staging)
    done = staging.run("revert", FAILED_VERSION="8", REASON="version 8 was deleted")
    assert done.returncode == 0, done.stderr
    assert staging.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(5)}"]]
    assert staging.mlflow.aliases["staging"] == "5" and staging.output("outcome") == "reverted"


def test_what_the_schedule_finds_of_a_deleted_version_is_reverted(staging):
    staging.mlflow.add(5, **passed(5))
    comes_back(staging)
    done = staging.run("revert")
    assert done.returncode == 0, done.stderr
    assert staging.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(5)}"]]


@pytest.fixture
def emptied(world):
    """MLflow lost everything, and no environment after staging has a release."""
    world.current_workflow()
    world.application("canary")
    world.application("production")
    world.patchable("staging")
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    return world


def test_an_emptied_mlflow_leaves_what_passed(emptied):
    emptied.application("staging", 8, held=8)
    emptied.registry_has(8)
    done = emptied.run("revert")
    assert done.returncode == 0, done.stderr
    assert not emptied.calls("kubectl", "patch") and not emptied.mlflow.releases()
    lost = "MLflow no longer has version 8, which staging serves: it goes on serving it"
    assert emptied.events() == [("VersionLost", lost)] and emptied.output("reverted-to") == "1.0.8"


def test_what_was_withdrawn_before_mlflow_lost_it_is_left(emptied):
    emptied.application("staging", 8, held=8)
    emptied.registry_has(8)
    emptied.judge(8, "load", at="2026-01-05T10:00:00Z")
    emptied.withdrawn(8, "2026-01-05T11:00:00Z")
    emptied.pods_watched("staging", (0, "ADDED", pod("base")))
    done = emptied.run("revert")
    assert done.returncode == 0, done.stderr
    assert emptied.patches() == [None] and emptied.output("reverted-to") == "base"


def test_what_passed_again_after_that_stays(emptied):
    emptied.application("staging", 8, held=8)
    emptied.registry_has(8)
    emptied.withdrawn(8, "2026-01-05T11:00:00Z")
    emptied.judge(8, "load", at="2026-01-05T12:00:00Z")
    emptied.run("revert")
    assert emptied.output("reverted-to") == "1.0.8"


def test_an_emptied_mlflow_takes_nothing_to_the_base_image(emptied):
    emptied.application("staging", 8)
    done = emptied.run("revert")
    assert done.returncode == 0, done.stderr
    assert not emptied.calls("kubectl", "patch") and emptied.output("outcome") == "inconclusive"
    unknown = f"staging runs {digest(8)}, which is no version in MLflow: it is left as it is. Train a model."
    assert emptied.events() == [("UnknownRelease", unknown)]


def test_an_image_without_a_digest_is_that_of_no_version(emptied):
    emptied.mlflow.add(5, image_digest=digest("' or '"))
    emptied.application("staging", "' or '")
    done = emptied.run("revert")
    assert done.returncode == 0, done.stderr
    assert emptied.output("outcome") == "inconclusive" and emptied.mlflow.pages == 1


def test_an_emptied_mlflow_does_not_keep_a_candidate(emptied):
    emptied.under_lock()
    emptied.application("staging", 8, held=7)
    emptied.registry_has(7)
    comes_back(emptied, 7)
    done = emptied.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert emptied.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(7)}"]]
    assert emptied.held() == ["1.0.7"] and emptied.output("reverted-to") == "1.0.7"


def is_told(world, version, **held):
    """Staging is told to run this version."""
    forget_application(world, "staging")
    world.application("staging", version, **held)


def forget_application(world, environment):
    """What the test allowed to be said of an environment's Application is forgotten."""
    call = ["get", "applications.argoproj.io", f"gourmetgram-{environment}"]
    world.rules["kubectl"] = [rule for rule in world.rules["kubectl"] if rule["args"][:3] != call]


def test_what_failed_since_is_no_good_release_though_staging_holds_it(staging):
    is_told(staging, 8, held=8)
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, image_digest=digest(8), staging__verdict="fail", staging__digest=digest(8))
    comes_back(staging)
    done = staging.run("revert")
    assert done.returncode == 0, done.stderr
    assert staging.output("reverted-to") == "1.0.5"


def test_a_version_that_passed_stays_though_another_passed_later(staging):
    staging.rules["kubectl"] = [
        rule for rule in staging.rules["kubectl"] if rule["args"][:2] != ["get", "applications.argoproj.io"]
    ]
    staging.application("staging", 5, held=5)
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(8, **passed(8, "2026-02-01T00:00:00Z"))
    done = staging.run("revert")
    assert done.returncode == 0, done.stderr
    assert not staging.patches() and staging.mlflow.aliases["staging"] == "5"


# What the releases show of a version that MLflow no longer has


@pytest.fixture
def deleted(staging):
    """5 passed, came to canary, and was deleted in MLflow; 8, which followed, was withdrawn there."""
    staging.mlflow.record("deploy", "staging", 5, at=1000)
    staging.mlflow.record("promote", "canary", 5, at=2000)
    staging.mlflow.record("deploy", "staging", 8, at=3000)
    staging.mlflow.record("promote", "canary", 8, at=4000)
    tags = {"staging__verdict": "withdrawn", "staging__reason": "OOMKilled: it needs more"}
    staging.mlflow.add(8, **{**passed(8), **tags})
    comes_back(staging)
    return staging


def test_the_record_shows_a_version_that_passed_and_was_deleted(deleted):
    done = deleted.run("revert")
    assert done.returncode == 0, done.stderr
    assert deleted.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(5)}"]]
    assert (deleted.output("outcome"), deleted.output("reverted-to")) == ("reverted", "1.0.5")
    [record] = deleted.mlflow.releases(action="revert", outcome="reverted")
    assert record["reason"] == "version 8 was withdrawn: OOMKilled: it needs more; staging is back on 1.0.5"
    assert (record["serves_version"], record["serves_digest"]) == ("1.0.5", digest(5))
    assert "staging" not in deleted.mlflow.aliases


def test_an_environment_after_staging_shows_it_where_the_record_is_lost(deleted):
    deleted.mlflow.runs.clear()
    forget_application(deleted, "production")
    deleted.application("production", 5, held=5, held_at=2000)
    done = deleted.run("revert")
    assert done.returncode == 0, done.stderr
    assert deleted.output("reverted-to") == "1.0.5"


def test_a_record_that_mlflow_refuses_stops_no_revert(deleted):
    deleted.mlflow.refuse_once("runs/search")
    done = deleted.run("revert")
    assert done.returncode == 0, done.stderr
    assert "MLflow shows no record of releases" in done.stderr and deleted.output("reverted-to") == "1.0.5"


def test_a_record_that_nobody_understands_stops_no_revert(deleted):
    deleted.mlflow.record("promote", "canary", 6, at=5000)
    next(reversed(deleted.mlflow.runs.values()))["tags"]["serves_digest"] = "latest"
    done = deleted.run("revert")
    assert done.returncode == 0, done.stderr
    assert deleted.output("reverted-to") == "1.0.5"


def test_an_application_that_is_gone_stops_no_revert(deleted):
    forget_application(deleted, "canary")
    call = ["get", "applications.argoproj.io", "gourmetgram-canary", "--namespace", "argocd", "--output", "json"]
    deleted.allow("kubectl", *call, **says("kubectl", "not-found"))
    done = deleted.run("revert")
    assert done.returncode == 0, done.stderr
    assert "canary does not say what it serves" in done.stderr and deleted.output("reverted-to") == "1.0.5"


def test_what_runs_and_passed_stays_though_it_was_deleted(deleted):
    is_told(deleted, 5, held="base")
    deleted.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    done = deleted.run("revert")
    assert done.returncode == 0, done.stderr
    assert not deleted.patches() and deleted.held() == ["1.0.5"] and deleted.output("reverted-to") == "1.0.5"
    lost = "MLflow no longer has version 5, which staging serves: it goes on serving it"
    assert deleted.events() == [("VersionLost", lost)]


def test_the_version_to_leave_is_not_gone_back_to_though_it_passed(deleted):
    is_told(deleted, 5)
    runs_the_base_image(deleted)
    done = deleted.run("revert", FAILED_VERSION="5")
    assert done.returncode == 0, done.stderr
    assert deleted.output("reverted-to") == "base"


def runs_the_base_image(world):
    """Staging comes to run it, and nothing else."""
    world.rules["kubectl"] = [rule for rule in world.rules["kubectl"] if rule["args"][:2] != ["get", "pods"]]
    world.pods_watched("staging", (0, "ADDED", pod("base")))
    world.app.paths.clear()


def test_the_base_image_has_a_true_reason(staging):
    staging.mlflow.add(8, **{**passed(8), "staging__verdict": "withdrawn", "staging__reason": "slow"})
    staging.pods_watched("staging", (0, "ADDED", pod("base")))
    done = staging.run("revert")
    assert done.returncode == 0, done.stderr
    left = "staging is back on the base image, since no other version that passed staging is left"
    [record] = staging.mlflow.releases(action="revert")
    assert record["reason"] == f"version 8 was withdrawn: slow; {left}"


@pytest.fixture
def image_lost(staging):
    """The registry lost the image of 6, the last good version; it has that of 4."""
    staging.mlflow.add(4, **passed(4, "2026-01-04T00:00:00Z"))
    staging.mlflow.add(6, **passed(6, "2026-01-06T00:00:00Z"), image_base=f"sha256:{'b' * 64}")
    staging.mlflow.add(8, image_digest=digest(8))
    staging.mlflow.files["0/run6/artifacts/food11.onnx"] = b"weights"
    staging.registry_lost(6)
    staging.registry_has(4)
    staging.allow("crane", "manifest", BASE, stdout="{}")
    staging.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    return staging


APPEND = ("append", "--base", BASE, "--new_layer", "*", "--new_tag", f"{BASE.partition('@')[0]}:staging-1.0.6")


def test_an_image_that_the_registry_lost_is_built_again(image_lost):
    image_lost.allow("crane", *APPEND, stdout=f"{BASE.partition('@')[0]}@{digest(6)}\n")
    comes_back(image_lost, 6)
    done = image_lost.run("revert", FAILED_VERSION="8", REASON="load: slow")
    assert done.returncode == 0, done.stderr
    assert image_lost.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(6)}"]]
    rebuilt = "the registry had lost the image of 1.0.6, which is built again from its model"
    assert image_lost.events() == [("ImageLost", rebuilt)]
    [record] = image_lost.mlflow.releases(action="revert", outcome="reverted")
    assert record["reason"] == f"load: slow; {rebuilt}; staging is back on 1.0.6"


def test_what_was_collected_is_never_gone_back_to(image_lost):
    image_lost.mlflow.versions["6"]["retention.collected"] = "2026-02-01T04:37:00Z"
    image_lost.rules["crane"] = []
    image_lost.registry_has(6)  # a person may have pushed something there
    image_lost.registry_has(4)
    comes_back(image_lost, 4)
    done = image_lost.run("revert", FAILED_VERSION="8", REASON="load: slow")
    assert done.returncode == 0 and image_lost.output("reverted-to") == "1.0.4", done.stderr
    assert not image_lost.calls("crane", "append") and image_lost.events() == []


LOST = "The registry has lost the image of version 6"


@pytest.mark.parametrize(
    "trouble,said",
    [
        ("model", f"{LOST}, and it cannot be built again: food11.onnx of version 6"),
        ("other", f"{LOST}, {digest(6)}, and building it again gave {digest(9)}: run build-container-image for it"),
        ("base", f"{LOST}, and MLflow does not say what it was built from: train a model"),
    ],
    ids=["model", "other", "base"],
)
def test_an_image_that_cannot_be_built_again_is_passed_over(image_lost, trouble, said):
    if trouble == "model":
        image_lost.mlflow.files.clear()
    elif trouble == "base":
        del image_lost.mlflow.versions["6"]["image_base"]
    else:
        image_lost.allow("crane", *APPEND, stdout=f"{BASE.partition('@')[0]}@{digest(9)}\n")
    comes_back(image_lost, 4)
    done = image_lost.run("revert", FAILED_VERSION="8", REASON="load: slow")
    assert done.returncode == 0, done.stderr
    assert image_lost.patches() == [[f"gourmetgram-app={BASE.partition('@')[0]}@{digest(4)}"]]
    [record] = image_lost.mlflow.releases(action="revert", outcome="reverted")
    assert record["reason"].startswith(f"load: slow; {said}") and record["serves_version"] == "1.0.4"


def test_on_a_schedule_the_image_that_staging_serves_is_built_again(image_lost):
    image_lost.rules["kubectl"] = [
        rule for rule in image_lost.rules["kubectl"] if rule["args"][:2] != ["get", "applications.argoproj.io"]
    ]
    image_lost.application("staging", 6, held=6)
    image_lost.mlflow.aliases["staging"] = "6"
    image_lost.allow("crane", *APPEND, stdout=f"{BASE.partition('@')[0]}@{digest(6)}\n")
    done = image_lost.run("revert")
    assert done.returncode == 0, done.stderr
    assert len(image_lost.calls("crane", "append")) == 1 and not image_lost.patches()


def test_a_registry_that_is_away_stops_no_revert(unjudged):
    unjudged.rules["crane"] = []
    unjudged.allow("crane", "manifest", "*", **says("crane", "refused"))
    comes_back(unjudged)
    done = unjudged.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert unjudged.output("reverted-to") == "1.0.5"


def test_a_revert_needs_no_record(unjudged):
    unjudged.mlflow.refuse("runs/create")
    comes_back(unjudged)
    done = unjudged.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert unjudged.output("reverted-to") == "1.0.5" and "Not on record: reverted" in done.stdout


def test_a_failed_candidate_is_reverted_from_though_the_record_was_deleted(unjudged):
    unjudged.mlflow.experiments["gourmetgram-releases"] = "1"
    unjudged.mlflow.deleted.add("1")
    unjudged.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    comes_back(unjudged)
    done = unjudged.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert unjudged.output("reverted-to") == "1.0.5" and not unjudged.mlflow.deleted
    assert [record["outcome"] for record in unjudged.mlflow.releases(action="revert")] == ["reverted"]
    assert [reason for reason, _ in unjudged.events()] == ["RecordRestored"]


@pytest.mark.parametrize("value", ["latest", "sha256:7", ""])
def test_a_digest_that_a_person_wrote_is_none(staging, value):
    staging.mlflow.add(5, **passed(5))
    staging.mlflow.add(6, **{**passed(6, "2026-03-01T00:00:00Z"), "staging__digest": value})
    staging.mlflow.add(8, image_digest=digest(8))
    comes_back(staging)
    done = staging.run("revert", FAILED_VERSION="8")
    assert done.returncode == 0, done.stderr
    assert staging.output("reverted-to") == "1.0.5"
