"""restore.py: an environment runs its last release, its record says so, and its alias follows."""

import json
import time

import pytest

from conftest import BASE, HELD, digest, passed, pod, says
from lib import instant, last_release
from lib.last_release import LastRelease, Served
from lib.traffic import Split
from test_ask_approval import GET, closed, request
from test_shift_traffic import SETTINGS, has_route, takes_changes, written

NOW = int(time.time())
REPOSITORY = BASE.partition("@")[0]


def restore(world, **env):
    return world.run("restore", **{"TARGET_ENVIRONMENT": "canary", **env})


def serving(version):
    return Served(f"1.0.{version}", digest(version))


@pytest.fixture
def canary(world):
    """Canary serves 6: so says its record, its Application and its alias."""
    world.mlflow.add(6, image_digest=digest(6))
    world.mlflow.add(7, **passed(7))
    world.mlflow.aliases["canary"] = "6"
    world.mlflow.served("canary", "1.0.6", digest(6))
    world.application("canary", 6, held=6)
    world.patchable("canary")
    world.pods_watched("canary", (0, "ADDED", pod(6)))
    world.app.serves(6)
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    world.registry_has(6)
    world.registry_has(7)
    world.current_workflow(labels={"workflows.argoproj.io/cron-workflow": "cron-restore-releases"})
    return world


def told_to_run(world, version, **held):
    """Canary is told to run this version."""
    world.rules["kubectl"] = [
        rule for rule in world.rules["kubectl"] if rule["args"][:2] != ["get", "applications.argoproj.io"]
    ]
    world.application("canary", version, **held)


@pytest.fixture
def cut_off(canary):
    """Canary was told to run 7, whose promotion never came to its end."""
    canary.mlflow.open_release(
        "old",
        action="promote",
        environment="canary",
        workflow_uid="gone",
        workflow="promote-model-x",
        app_version="1.0.7",
    )
    told_to_run(canary, 7, held=6)
    return canary


def test_goes_back_to_the_last_release(cut_off):
    done = restore(cut_off)
    assert done.returncode == 0, done.stderr
    assert cut_off.patches() == [[f"gourmetgram-app={REPOSITORY}@{digest(6)}"]]
    assert cut_off.output("restored") == "canary is back on 1.0.6" and cut_off.mlflow.aliases["canary"] == "6"
    [restored] = cut_off.mlflow.releases(action="restore", outcome="restored", status="FINISHED")
    assert (restored["serves_version"], restored["serves_digest"]) == ("1.0.6", digest(6))
    assert restored["requested_by"] == "schedule cron-restore-releases"
    [interrupted] = cut_off.mlflow.releases(action="promote", outcome="interrupted", status="FAILED")
    assert interrupted["reason"] == "promote-model-x was interrupted; canary serves 1.0.6"
    assert interrupted["serves_version"] == "1.0.6"
    assert cut_off.events() == [("Restored", "canary is back on 1.0.6")]
    since = time.time() - cut_off.mlflow.runs["old"]["started"] / 1000
    assert cut_off.output("restored-environment") == "canary"
    assert since - 60 < int(cut_off.output("restore-seconds")) <= since + 1, "from the start of what was interrupted"


def test_the_exit_handler_closes_the_record_of_its_current_workflow(cut_off):
    cut_off.mlflow.runs["old"]["tags"]["workflow_uid"] = "uid-1"
    assert restore(cut_off).returncode == 0
    assert [(one["action"], one["outcome"]) for one in cut_off.mlflow.releases()] == [
        ("promote", "interrupted"),
        ("restore", "restored"),
    ]


@pytest.mark.parametrize("known_by", ["the record", "the Application"])
def test_one_memory_is_enough_to_go_back(cut_off, known_by):
    if known_by == "the record":
        told_to_run(cut_off, 7)
    else:
        cut_off.mlflow.runs = {key: run for key, run in cut_off.mlflow.runs.items() if not key.startswith("served")}
    done = restore(cut_off)
    assert done.returncode == 0, done.stderr
    assert cut_off.patches() == [[f"gourmetgram-app={REPOSITORY}@{digest(6)}"]]


def test_a_version_whose_pod_was_once_killed_is_restored(cut_off):
    cut_off.rules["kubectl"] = [rule for rule in cut_off.rules["kubectl"] if "pods" not in rule["args"]]
    once_killed = pod(6, "oom-recovered")
    cut_off.pods_listed("canary", once_killed)
    cut_off.pods_watched("canary", (0, "ADDED", once_killed))
    done = restore(cut_off)
    assert done.returncode == 0 and cut_off.output("restored") == "canary is back on 1.0.6", done.stderr


def test_a_first_promotion_that_was_interrupted_goes_back_to_the_base_image(world):
    world.mlflow.add(7, **passed(7))
    world.application("canary", 7, held="base")
    world.patchable("canary")
    world.pods_watched("canary", (0, "ADDED", pod("base")))
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    world.current_workflow()
    assert restore(world).returncode == 0
    assert world.patches() == [None] and world.output("restored") == "canary is back on the base image"


def test_changes_nothing_where_all_is_well(canary):
    canary.mlflow.served("production", "1.0.6", digest(6))
    canary.mlflow.aliases["production"] = "6"
    canary.application("production", 6, held=6)
    canary.pods_listed("production", pod(6))
    done = canary.run("restore")
    assert done.returncode == 0, done.stderr
    assert not canary.calls("kubectl", "patch") and not canary.mlflow.releases() and not canary.mlflow.writes
    assert canary.output("restored") == "" and canary.events() == []


def test_before_the_first_release_there_is_nothing_to_do(world):
    world.application("canary")
    done = restore(world)
    assert done.returncode == 0, done.stderr
    assert not world.calls("kubectl", "patch") and not world.mlflow.releases()


# What a person does to MLflow never changes what serves.


@pytest.mark.parametrize("version", ["7", None])
def test_an_alias_that_was_moved_or_deleted_follows_again(canary, version):
    canary.frozen(who="anna", since="2026-01-02T03:04:05Z", why="the fair is on")
    if version:
        canary.mlflow.aliases["canary"] = version
    else:
        del canary.mlflow.aliases["canary"]
    done = restore(canary)
    assert done.returncode == 0, done.stderr
    assert not canary.patches() and canary.mlflow.aliases["canary"] == "6"
    was = f"version {version}" if version else "no version"
    sentence = f"the alias canary was on {was}, and follows 1.0.6 again"
    assert canary.output("restored") == sentence and canary.events() == [("Restored", sentence)]
    [record] = canary.mlflow.releases(action="restore", outcome="restored")
    assert (record["reason"], record["serves_version"], record["target_changed"]) == (sentence, "1.0.6", "no")


def test_an_alias_of_an_environment_without_a_release_is_taken_off(canary):
    canary.mlflow.runs.clear()
    told_to_run(canary, None, held="base")
    done = restore(canary)
    assert done.returncode == 0, done.stderr
    assert not canary.patches() and "canary" not in canary.mlflow.aliases


LOST = "MLflow no longer has version 6, which canary serves: it goes on serving it"


@pytest.mark.parametrize("lost", ["the version", "the model", "all of MLflow"])
def test_what_mlflow_lost_goes_on_serving(canary, lost):
    canary.mlflow.aliases.clear()
    if lost == "the version":
        del canary.mlflow.versions["6"]
    else:
        canary.mlflow.versions.clear()
    if lost == "all of MLflow":
        canary.mlflow.runs.clear()
        canary.mlflow.experiments.clear()
    done = restore(canary)
    assert done.returncode == 0, done.stderr
    assert not canary.patches() and ("VersionLost", LOST) in canary.events()
    records = canary.mlflow.releases(action="restore")
    if lost == "all of MLflow":
        [record] = records
        assert record["reason"] == "the record of canary, which serves 1.0.6, was lost and is made anew"
        assert (record["serves_version"], record["serves_digest"]) == ("1.0.6", digest(6))
    else:
        assert not records


def test_an_alias_of_what_does_not_serve_is_taken_off_where_mlflow_lost_what_does(canary):
    del canary.mlflow.versions["6"]
    canary.mlflow.add(7, image_digest=digest(7))
    canary.mlflow.aliases["canary"] = "7"
    done = restore(canary)
    assert done.returncode == 0, done.stderr
    assert not canary.patches() and "canary" not in canary.mlflow.aliases
    sentence = "the alias canary was on version 7, and is taken off, since MLflow no longer has 1.0.6"
    [record] = canary.mlflow.releases(action="restore", outcome="restored")
    assert record["reason"] == sentence and ("Restored", sentence) in canary.events()
    assert ("VersionLost", LOST) in canary.events()


@pytest.mark.parametrize("both", [True, False])
def test_a_lost_version_is_told_once_however_many_environments_serve_it(canary, both):
    canary.application("production", 6 if both else 7, held=6 if both else 7)
    canary.mlflow.served("production", "1.0.6" if both else "1.0.7", digest(6 if both else 7))
    canary.pods_listed("production", pod(6 if both else 7))
    canary.mlflow.aliases.clear()
    canary.mlflow.versions.clear()
    done = canary.run("restore")
    assert done.returncode == 0, done.stderr
    told = [message for reason, message in canary.events() if reason == "VersionLost"]
    if both:
        assert told == ["MLflow no longer has version 6, which canary and production serve: they go on serving it"]
    else:
        assert told == [LOST, LOST.replace("version 6", "version 7").replace("canary", "production")]


def test_a_lost_version_is_told_again_only_when_its_event_is_gone(canary):
    del canary.mlflow.versions["6"]
    canary.mlflow.aliases.clear()
    assert restore(canary).returncode == 0
    canary.rules["kubectl"] = [rule for rule in canary.rules["kubectl"] if rule["args"][0] != "create"]
    canary.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "already-exists"))
    done = restore(canary)
    assert done.returncode == 0 and f"An Event says so already: {LOST}" in done.stdout
    first, second = [one["metadata"] for one in canary.created() if one["reason"] == "VersionLost"]
    assert first == second and first["name"].startswith("gourmetgram-canary-")


def test_an_old_copy_of_mlflow_takes_nothing_back(canary):
    canary.mlflow.runs.clear()
    canary.mlflow.served("canary", "1.0.5", digest(5), ended=1000)
    told_to_run(canary, 6, held=6, held_at=2000)
    done = restore(canary)
    assert done.returncode == 0, done.stderr
    assert not canary.patches()
    assert "the record of canary, which serves 1.0.6, was lost and is made anew" in canary.output("restored")
    canary.mlflow.writes.clear()
    assert restore(canary).returncode == 0 and not canary.mlflow.writes and len(canary.mlflow.releases()) == 1


APPEND = ("append", "--base", BASE, "--new_layer", "*", "--new_tag", f"{REPOSITORY}:staging-1.0.6")


@pytest.fixture
def image_lost(canary):
    """The registry lost the image that canary serves."""
    canary.rules["crane"] = []
    canary.registry_lost(6)
    canary.mlflow.versions["6"]["image_base"] = f"sha256:{'b' * 64}"
    canary.allow("crane", "manifest", BASE, stdout="{}")
    return canary


def test_an_image_that_the_registry_lost_is_built_again(image_lost):
    image_lost.mlflow.files["0/run6/artifacts/food11.onnx"] = b"weights"
    image_lost.allow("crane", *APPEND, stdout=f"{REPOSITORY}@{digest(6)}\n")
    done = restore(image_lost)
    assert done.returncode == 0, done.stderr
    assert image_lost.output("restored") == (
        "the registry had lost the image of 1.0.6, which is built again from its model"
    )
    assert len(image_lost.calls("crane", "append")) == 1
    assert not image_lost.patches() and len(image_lost.mlflow.releases(action="restore")) == 1


def test_an_image_that_cannot_be_built_again_goes_on_serving(image_lost):
    done = restore(image_lost)
    assert done.returncode == 0, done.stderr
    [(reason, message)] = image_lost.events()
    assert reason == "ImageLost" and "cannot be built again" in message
    assert not image_lost.calls("kubectl", "patch") and not image_lost.mlflow.releases()


def test_an_image_whose_base_is_gone_too_names_what_helps(image_lost):
    image_lost.rules["crane"] = [rule for rule in image_lost.rules["crane"] if rule["args"] != ["manifest", BASE]]
    image_lost.allow("crane", "manifest", BASE, **says("crane", "unknown"))
    image_lost.mlflow.files["0/run6/artifacts/food11.onnx"] = b"weights"
    assert restore(image_lost).returncode == 0
    [(reason, message)] = image_lost.events()
    assert reason == "ImageLost" and message == (
        "The registry has lost the image of version 6, and it cannot be built again: the base image that it was built "
        "on is gone too. To build it on today's and test it again, run argo submit --namespace argo "
        "--from workflowtemplate/build-container-image --parameter model-version=6"
    )
    assert not image_lost.calls("crane", "append") and not image_lost.calls("kubectl", "patch")


def test_an_experiment_that_was_deleted_is_restored(cut_off):
    cut_off.mlflow.deleted.add("1")
    done = restore(cut_off)
    assert done.returncode == 0, done.stderr
    assert cut_off.patches() and not cut_off.mlflow.deleted
    sentence = "The experiment gourmetgram-releases was deleted in MLflow, and is restored."
    assert cut_off.events().count(("RecordRestored", sentence)) == 1


def test_a_release_of_which_nothing_is_known_is_left(canary):
    canary.mlflow.runs.clear()
    canary.mlflow.aliases.clear()
    told_to_run(canary, 7)
    done = restore(canary)
    assert done.returncode == 0, done.stderr
    unknown = f"canary runs {digest(7)}, and neither its Application nor MLflow says by which release"
    assert canary.events() == [("UnknownRelease", f"{unknown}: it is left as it is. Promote a model version to it.")]
    assert not canary.calls("kubectl", "patch") and not canary.mlflow.releases()


def test_an_mlflow_that_is_away_is_waited_for(cut_off):
    cut_off.mlflow.fail_on("runs/search")
    done = restore(cut_off, MLFLOW_PATIENCE_SECONDS="1")
    assert done.returncode == 75 and not cut_off.calls("kubectl", "patch")


def test_an_environment_goes_back_where_mlflow_takes_no_record(cut_off):
    cut_off.mlflow.refuse("runs/create")
    done = restore(cut_off)
    assert done.returncode == 0, done.stderr
    assert cut_off.patches() == [[f"gourmetgram-app={REPOSITORY}@{digest(6)}"]]


def test_one_environment_does_not_wait_for_another(cut_off):
    cut_off.rules["kubectl"] = [rule for rule in cut_off.rules["kubectl"] if "pods" not in rule["args"]]
    cut_off.pods_listed("canary", pod(7))
    cut_off.pods_watched("canary", (0, "ADDED", pod(6, "crash-looping")))
    cut_off.mlflow.aliases["production"] = "6"
    cut_off.mlflow.served("production", "1.0.7", digest(7))
    cut_off.application("production", 7, held=7)
    cut_off.pods_listed("production", pod(7))
    done = cut_off.run("restore")
    assert done.returncode == 1 and "canary does not run 1.0.6" in done.stderr
    assert cut_off.mlflow.aliases["production"] == "7"
    assert [one["outcome"] for one in cut_off.mlflow.releases(action="restore", environment="canary")] == ["broken"]


def test_no_environment_waits_for_one_whose_application_is_gone(canary):
    told_to_run(canary, 6)
    canary.rules["kubectl"] = [rule for rule in canary.rules["kubectl"] if "gourmetgram-canary" not in rule["args"]]
    gone = ["get", "applications.argoproj.io", "gourmetgram-canary", "--namespace", "argocd", "--output", "json"]
    canary.allow("kubectl", *gone, **says("kubectl", "not-found"))
    canary.mlflow.served("production", "1.0.7", digest(7))
    canary.application("production", 7, held=7)
    canary.pods_listed("production", pod(7))
    done = canary.run("restore")
    assert done.returncode == 1 and canary.mlflow.aliases["production"] == "7", done.stderr


def test_a_promotion_that_was_cut_off_before_its_date_gets_that_of_its_release(canary):
    canary.mlflow.versions["7"]["canary.promoted_at"] = "2020-01-01T00:00:00Z"  # of another image of it
    released = 1000 * (NOW + 3600)
    told_to_run(canary, 7, held=7, held_at=released)
    done = restore(canary)
    assert done.returncode == 0, done.stderr
    assert canary.mlflow.aliases["canary"] == "7"
    assert canary.mlflow.versions["7"]["canary.promoted_at"] == instant.timestamp(NOW + 3600)


def test_a_release_after_a_clock_that_was_ahead_is_the_newest(cut_off):
    ahead = 1000 * (int(time.time()) + 86_400)
    cut_off.mlflow.served("canary", "1.0.6", digest(6), ended=ahead)
    assert restore(cut_off).returncode == 0
    [restored] = [run for run in cut_off.mlflow.runs.values() if run["tags"].get("outcome") == "restored"]
    assert restored["ended"] == ahead + 1


def test_an_application_made_before_holds_what_its_record_says(canary):
    told_to_run(canary, 6)
    assert restore(canary).returncode == 0
    assert canary.held() == ["1.0.6"] and not canary.patches() and not canary.mlflow.releases()


def test_what_an_application_holds_anew_was_released_when_its_record_says(canary):
    canary.mlflow.runs.clear()
    canary.mlflow.served("canary", "1.0.6", digest(6), ended=2000)
    told_to_run(canary, 6)
    assert restore(canary).returncode == 0
    assert (canary.held(), canary.held_since()) == (["1.0.6"], [2000])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "seven",
        "[]",
        "null",
        '{"version": "1.0.7"}',
        '{"version": "latest", "digest": "sha256:1", "at": 1}',
        json.dumps({"version": "1.0.7", "digest": digest(7), "at": "now"}),
        json.dumps({"version": "1.0.7", "digest": digest(7), "at": float("inf")}),
        json.dumps({"version": "1.0.7", "digest": digest(7), "at": 10**18}),
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_what_an_application_holds_may_be_unreadable(text):
    assert last_release.held({"metadata": {"annotations": {HELD: text}}}) is None


def test_the_newer_one_decides():
    old, new = LastRelease(serving(6), 1), LastRelease(serving(7), 2)
    assert last_release.decide(old, new) == last_release.decide(new, old) == new
    assert last_release.decide(old, None) == last_release.decide(None, old) == old
    assert last_release.decide(None, None) is None


def test_a_sync_that_argo_cd_gave_up_is_tried_again_and_no_other(canary):
    told_to_run(canary, 6, held=6, status={"sync": {"status": "OutOfSync"}, "operationState": {"phase": "Failed"}})
    canary.mlflow.served("production", "1.0.6", digest(6))
    canary.mlflow.aliases["production"] = "6"
    running = {"sync": {"status": "OutOfSync"}, "operationState": {"phase": "Running"}}
    canary.application("production", 6, running, held=6)
    canary.pods_listed("production", pod(6))
    done = canary.run("restore")
    assert done.returncode == 0, done.stderr
    assert canary.syncs_again() == ["canary"] and not canary.patches()


def test_the_gateways_route_follows_what_was_restored(canary):
    """No run of the watch has to come first: users who met 7 in canary meet production again, which serves 6 too."""
    canary.application("production", 6, held=6)
    has_route(canary, Split("1.0.7", (1, 50), 5))
    takes_changes(canary)
    done = restore(canary, TRAFFIC=json.dumps(SETTINGS))
    assert done.returncode == 0, done.stderr
    assert written(canary) == [None]


@pytest.fixture
def asked(cut_off):
    """The promotion asked people, and its Workflow has ended."""
    cut_off.allow("kubectl", "patch", "approvals.gourmetgram.io", "parent", *["*"] * 10)
    return cut_off


def has_request(world, **answer):
    world.allow("kubectl", *GET, "--output", "json", **answer)


RULES = json.dumps({"canary": {"minimum": 1, "expirySeconds": 3600}})


def test_the_request_of_a_promotion_that_was_stopped_is_void(asked):
    has_request(asked, stdout=request(phase="Waiting"))
    done = restore(asked, APPROVAL=RULES)
    assert done.returncode == 0, done.stderr
    assert asked.output("restored") == "canary is back on 1.0.6"
    reason = "The approval is void, since its promotion was stopped: ask again."
    assert closed(asked) == [{"phase": "Void", "reason": reason}]


@pytest.mark.parametrize("phase", ["Approved", "Rejected", "Expired", "Void", None])
def test_a_request_that_people_have_decided_stays_as_it_is(asked, phase):
    has_request(asked, **({"stdout": request(phase=phase)} if phase else says("kubectl", "not-found")))
    assert restore(asked, APPROVAL=RULES).returncode == 0 and not closed(asked)


def test_a_request_that_cannot_be_closed_stops_no_way_back(asked):
    has_request(asked, **says("kubectl", "forbidden"))
    done = restore(asked, APPROVAL=RULES)
    assert done.returncode == 1 and asked.output("restored") == "canary is back on 1.0.6"


def test_nobody_looks_for_a_request_where_nobody_is_asked(asked):
    assert restore(asked, APPROVAL=json.dumps({"production": {"minimum": 1, "expirySeconds": 3600}})).returncode == 0
    assert restore(asked).returncode == 0
    assert not [call for call in asked.calls("kubectl", "get") if "approvals.gourmetgram.io" in call["args"]]


@pytest.mark.parametrize("value", ["", "staging", "staging;id", "canary,", "kube-system", "shadow"])
def test_other_namespaces_are_refused(world, value):
    done = world.run("restore", TARGET_ENVIRONMENT=value)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not world.calls("kubectl")
