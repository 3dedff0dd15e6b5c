"""collect.py: room is made, and nothing is deleted that serves or that anybody could go back to."""

import io
import json
import re
import tarfile
import time

import pytest

from conftest import BASE, digest, get_pods, passed, pod, says
from lib import full_volume
from lib.errors import StepFailed

REPOSITORY = BASE.partition("@")[0]
HOST = REPOSITORY.partition("/")[0]
TRAIN = f"{HOST}/gourmetgram-train@sha256:{'c' * 64}"
TOOLS = f"{HOST}/gourmetgram-tools@sha256:{'d' * 64}"
BOARD = f"{HOST}/gourmetgram-board@sha256:{'e' * 64}"
DAY = 86_400_000
LIST_WORKFLOWS = [
    *("get", "workflows.argoproj.io", "--namespace", "argo"),
    *("--selector", "workflows.argoproj.io/completed!=true", "--output", "json"),
]


def collect(world, **env):
    given = {"DRY_RUN": "no", "RETENTION_DAYS": "1", "RETENTION_VERSIONS": "1"}
    images = {"TRAIN_IMAGE": TRAIN, "TOOLS_IMAGE": TOOLS, "BOARD_IMAGE": BOARD}
    two = {"ENVIRONMENTS": world.environments("staging", "canary")}
    return world.run("collect", **{**given, **images, **two, **env})


def folder(version):
    return f"0/run{version}/artifacts"


def behind(world, tag, found, repository=REPOSITORY):
    world.allow("crane", "digest", f"{repository}:{tag}", stdout=f"{found}\n")


def tagged(world, repository, **tags):
    """The registry has these tags, each on a digest."""
    world.allow("crane", "ls", repository, stdout="".join(f"{tag.replace('__', '.')}\n" for tag in tags))
    for tag, found in tags.items():
        behind(world, tag.replace("__", "."), found, repository)


def annotated(world, *environments, base=BASE):
    """Their Applications name the base image of their bundle."""
    for rule in world.rules["kubectl"]:
        if rule["args"][:2] == ["get", "applications.argoproj.io"] and rule["args"][2][12:] in environments:
            application = json.loads(rule["stdout"])
            application["metadata"].setdefault("annotations", {})["gourmetgram.io/base-image"] = base
            rule["stdout"] = json.dumps(application)


@pytest.fixture
def aged(world):
    """Staging and canary serve 7. 1 to 6 were trained long ago: 3 and 5 passed, and canary served 5 before 7."""
    long_ago = int(time.time() * 1000) - 90 * DAY
    for number in range(1, 8):
        world.mlflow.add(number, image_digest=digest(number))
        world.mlflow.registered[str(number)] = long_ago
        world.mlflow.files[f"{folder(number)}/model/food11.onnx"] = b"weights"
        world.mlflow.sources[str(number)] = f"mlflow-artifacts:/{folder(number)}/model"
    for number, month in ((3, "01"), (5, "02"), (7, "03")):
        tags = passed(number, at=f"2020-{month}-01T00:00:00Z")
        world.mlflow.versions[str(number)] |= {key.replace("__", "."): value for key, value in tags.items()}
    world.mlflow.aliases |= {"staging": "7", "canary": "7"}
    for name in ("staging", "canary"):
        world.mlflow.served(name, "1.0.5", digest(5), ended=long_ago)
        world.mlflow.served(name, "1.0.7", digest(7), ended=long_ago + DAY)
        world.application(name, 7, held=7)
        world.pods_listed(name, pod(7))
    annotated(world, "staging", "canary")
    world.allow("kubectl", *LIST_WORKFLOWS, stdout={"items": []})
    tags = ["base", "content-bbbbbbbbbbbb", "staging-1.0.2", "canary-1.0.5", "canary-1.0.7"]
    world.allow("crane", "ls", REPOSITORY, stdout="\n".join(tags))
    behind(world, "base", BASE.partition("@")[2])
    behind(world, "content-bbbbbbbbbbbb", BASE.partition("@")[2])
    behind(world, "staging-1.0.2", digest(2))
    behind(world, "canary-1.0.5", digest(5))
    for image in (TRAIN, TOOLS, BOARD):
        repository, _, current = image.partition("@")
        tagged(world, repository, latest=current)
    world.allow("crane", "delete", "*")
    return world


def deleted(world):
    return [call["args"][1].removeprefix(f"{HOST}/") for call in world.calls("crane", "delete")]


def collected(world):
    return [number for number, tags in world.mlflow.versions.items() if "retention.collected" in tags]


def untouched(world):
    return not world.calls("crane", "delete") and not world.mlflow.writes and len(world.mlflow.files) == 7


def test_deletes_the_images_and_files_of_what_nothing_keeps(aged):
    done = collect(aged)
    assert done.returncode == 0, done.stderr
    old = [1, 2, 3, 4, 5, 6]
    assert deleted(aged) == [f"gourmetgram-app@{digest(number)}" for number in old]
    assert list(aged.mlflow.files) == [f"{folder(7)}/model/food11.onnx"]
    assert collected(aged) == [str(number) for number in old]
    sentence = "6 model versions, 0 trainings, 6 images and 0 bundles were collected, and 1 version is kept"
    assert (aged.output("outcome"), aged.output("reason")) == ("collected", sentence)


def test_a_dry_run_says_why_and_changes_nothing(aged):
    done = collect(aged, DRY_RUN="yes", RETENTION_VERSIONS="2")
    assert done.returncode == 0 and untouched(aged), done.stderr
    lines = aged.output("plan").splitlines()
    assert "collect 1.0.6: nothing keeps it" in lines and "keep 1.0.7: staging runs it" in lines
    assert "keep 1.0.5: it is among the last 2 that passed staging" in lines
    assert f"delete gourmetgram-app@{digest(3)}" in lines
    assert aged.output("reason").endswith("would be collected, and 2 versions kept")


def test_what_is_signed_of_an_image_goes_with_it_and_before_it(aged):
    of = {number: aged.attest(digest(number), bytes([number])) for number in (2, 7)}
    tags = [f"sha256-{digest(number)[7:]}" for number in of]
    for rule in aged.rules["crane"]:
        if rule["args"] == ["ls", REPOSITORY]:
            rule["stdout"] += "\n" + "\n".join(tags)
    assert collect(aged).returncode == 0
    gone = [one.partition("@")[2] for one in deleted(aged)]
    assert of[7] not in gone
    # The registry's own digest of the list is what the fake says of every list.
    assert gone.index(of[2]) + 1 == gone.index(f"sha256:{'f' * 64}") == gone.index(digest(2)) - 1


def test_what_is_gone_already_is_done(aged):
    aged.rules["crane"] = [rule for rule in aged.rules["crane"] if rule["args"][0] != "delete"]
    aged.allow("crane", "delete", "*", **says("crane", "unknown"))
    aged.mlflow.files.clear()
    assert collect(aged).returncode == 0
    assert len(collected(aged)) == 6


def test_a_second_run_finds_nothing_to_do(aged):
    assert collect(aged).returncode == 0
    first, writes = deleted(aged), len(aged.mlflow.writes)
    done = collect(aged)
    assert done.returncode == 0 and deleted(aged) == first and len(aged.mlflow.writes) == writes, done.stderr
    assert aged.output("reason").startswith("0 model versions, 0 trainings, 0 images and 0 bundles were")


def test_a_collection_that_was_interrupted_is_finished(aged):
    aged.mlflow.fail_on("model-versions/set-tag")
    assert collect(aged, MLFLOW_PATIENCE_SECONDS="1").returncode == 75 and collected(aged) == []
    aged.mlflow.fail_on(None)
    assert collect(aged).returncode == 0 and len(collected(aged)) == 6


def trained(world, run, days=90, status="FINISHED"):
    """A training of so many days ago, whose model was never registered, or is no version any more."""
    world.mlflow.add_training(run, int(time.time() * 1000) - days * DAY, status)
    world.mlflow.files[f"0/{run}/artifacts/comparison.json"] = b"{}"


def test_deletes_trainings_without_a_version_with_their_files(aged):
    trained(aged, "worse")
    trained(aged, "young", days=0)
    done = collect(aged, RETENTION_VERSIONS="9")
    assert done.returncode == 0, done.stderr
    assert aged.mlflow.deleted_runs() == ["worse"]
    assert "0/worse/artifacts/comparison.json" not in aged.mlflow.files
    assert "0/young/artifacts/comparison.json" in aged.mlflow.files
    assert ", 1 training, " in aged.output("reason")


def test_a_dry_run_names_the_trainings_that_would_go(aged):
    trained(aged, "worse")
    assert collect(aged, DRY_RUN="yes").returncode == 0
    assert re.search(r"^delete the training worse of \d{4}-", aged.output("plan"), re.MULTILINE)
    assert aged.mlflow.deleted_runs() == [] and "0/worse/artifacts/comparison.json" in aged.mlflow.files


def test_a_training_stays_whose_files_could_not_be_deleted(aged):
    trained(aged, "worse")
    aged.mlflow.fail_on("mlflow-artifacts")
    assert collect(aged, RETENTION_VERSIONS="9", MLFLOW_PATIENCE_SECONDS="1").returncode == 75
    assert aged.mlflow.deleted_runs() == []


def test_a_training_that_has_not_ended_stays_while_one_runs(aged):
    trained(aged, "cut-off", status="RUNNING")
    workflow = {"metadata": {"name": "train-model-a"}, "spec": {"workflowTemplateRef": {"name": "train-model"}}}
    aged.rules["kubectl"] = [one for one in aged.rules["kubectl"] if one["args"][1] != "workflows.argoproj.io"]
    aged.allow("kubectl", *LIST_WORKFLOWS, stdout={"items": [workflow]})
    assert collect(aged).returncode == 0 and aged.mlflow.deleted_runs() == []
    aged.rules["kubectl"] = [one for one in aged.rules["kubectl"] if one["args"][1] != "workflows.argoproj.io"]
    aged.allow("kubectl", *LIST_WORKFLOWS, stdout={"items": []})
    assert collect(aged).returncode == 0 and aged.mlflow.deleted_runs() == ["cut-off"]


def test_files_that_are_no_folder_of_one_run_stay(aged):
    trained(aged, "worse")
    aged.mlflow.places["worse"] = "mlflow-artifacts:/else"
    done = collect(aged, RETENTION_VERSIONS="9")
    assert done.returncode == 0 and aged.mlflow.deleted_runs() == ["worse"], done.stderr
    assert "0/worse/artifacts/comparison.json" in aged.mlflow.files and "mlflow-artifacts:/else of" in done.stdout


# Nothing goes where something cannot be read.


@pytest.mark.parametrize("part", ["model-versions/search", "registered-models/get", "runs/search", "experiments"])
def test_where_mlflow_cannot_be_read_nothing_goes(aged, part):
    aged.mlflow.fail_on(part)
    assert collect(aged, MLFLOW_PATIENCE_SECONDS="1").returncode == 75 and untouched(aged)


def test_the_whole_record_counts_however_many_pages_it_has(aged):
    aged.mlflow.page_size = 1
    aged.mlflow.served("production", "1.0.2", digest(2))
    assert collect(aged).returncode == 0
    assert "2" not in collected(aged) and f"gourmetgram-app@{digest(2)}" not in deleted(aged)


@pytest.mark.parametrize("tags", [{"serves_version": "the good one"}, {"serves_digest": "sha256:1"}])
def test_where_nobody_understands_the_record_nothing_goes(aged, tags):
    next(iter(run for run in aged.mlflow.runs.values() if run["experiment"] == "1"))["tags"] |= tags
    done = collect(aged)
    assert done.returncode == 1 and untouched(aged) and "Nobody understands what was served" in done.stderr
    assert aged.output("outcome") == "broken"


@pytest.mark.parametrize("call,code", [("forbidden", 1), ("not-found", 1), ("refused", 75)])
@pytest.mark.parametrize("what", ["applications.argoproj.io", "pods", "workflows.argoproj.io"])
def test_where_the_cluster_cannot_be_read_nothing_goes(aged, what, call, code):
    rule = next(rule for rule in aged.rules["kubectl"] if rule["args"][1] == what)
    rule.pop("stdout")
    rule |= says("kubectl", call)
    assert collect(aged).returncode == code and untouched(aged)


def test_where_an_application_is_unreadable_nothing_goes(aged):
    rule = next(rule for rule in aged.rules["kubectl"] if rule["args"][2] == "gourmetgram-canary")
    application = json.loads(rule["stdout"])
    application["metadata"]["annotations"]["gourmetgram.io/last-release"] = "the good one"
    rule["stdout"] = json.dumps(application)
    done = collect(aged)
    assert done.returncode == 1 and untouched(aged) and "gourmetgram-canary cannot be read" in done.stderr


# What is in use


def test_what_pods_still_run_stays(aged):
    aged.rules["kubectl"] = [rule for rule in aged.rules["kubectl"] if rule["args"] != get_pods("canary")[1:]]
    aged.pods_listed("canary", pod(7), pod(3, "leaving"))
    assert collect(aged).returncode == 0 and "3" not in collected(aged)


def test_what_argo_cd_sees_on_another_cluster_stays(aged):
    aged.rules["kubectl"] = [
        rule
        for rule in aged.rules["kubectl"]
        if rule["args"][2] != "gourmetgram-canary" and rule["args"] != get_pods("canary")[1:]
    ]
    images = [f"{REPOSITORY}@{digest(3)}", f"{REPOSITORY}@{digest(7)}"]
    aged.application("canary", 7, held=7, status={"summary": {"images": images}})
    done = collect(aged, REMOTE_ENVIRONMENTS='["canary"]')
    assert done.returncode == 0 and "3" not in collected(aged), done.stderr


@pytest.mark.parametrize(
    "workflow",
    [
        {"spec": {"arguments": {"parameters": [{"name": "model-version", "value": "2"}]}}},
        {"spec": {"arguments": {"parameters": [{"name": "model-version", "value": 2}]}}},
        {"status": {"nodes": {"x": {"inputs": {"parameters": [{"name": "digest", "value": digest(2)}]}}}}},
    ],
)
def test_what_an_unfinished_workflow_names_stays(aged, workflow):
    rule = next(rule for rule in aged.rules["kubectl"] if rule["args"] == LIST_WORKFLOWS)
    rule["stdout"] = json.dumps({"items": [workflow]})
    assert collect(aged).returncode == 0
    assert "2" not in collected(aged) and f"gourmetgram-app@{digest(2)}" not in deleted(aged)


def test_an_image_stays_that_a_person_gave_a_tag(aged):
    rule = next(rule for rule in aged.rules["crane"] if rule["args"] == ["ls", REPOSITORY])
    rule["stdout"] += "\nour-best"
    behind(aged, "our-best", digest(3))
    assert collect(aged).returncode == 0 and f"gourmetgram-app@{digest(3)}" not in deleted(aged)


def test_an_image_stays_that_a_tag_of_an_old_version_was_moved_to(aged):
    rule = next(rule for rule in aged.rules["crane"] if rule["args"] == ["digest", f"{REPOSITORY}:staging-1.0.2"])
    rule["stdout"] = digest(7)
    assert collect(aged).returncode == 0 and f"gourmetgram-app@{digest(7)}" not in deleted(aged)


def test_an_older_image_of_a_version_goes_that_only_the_record_names(aged):
    older = "sha256:" + "e" * 64
    aged.mlflow.served("production", "1.0.7", older, ended=1)
    aged.mlflow.served("production", "1.0.7", digest(7), ended=2)
    assert collect(aged).returncode == 0
    assert f"gourmetgram-app@{older}" in deleted(aged) and "7" not in collected(aged)


# Whose files they are


@pytest.mark.parametrize("source", [f"{folder(7)}/model", f"{folder(7)}", f"{folder(7)}/model/part"])
def test_files_stay_that_a_version_shares_with_one_that_is_kept(aged, source):
    aged.mlflow.sources["6"] = f"mlflow-artifacts:/{source}"
    assert collect(aged).returncode == 0
    assert f"{folder(7)}/model/food11.onnx" in aged.mlflow.files and "6" in collected(aged)


@pytest.mark.parametrize(
    "source",
    [
        "mlflow-artifacts:/",
        "mlflow-artifacts:/0",
        "mlflow-artifacts:/0/run6",
        "mlflow-artifacts:/0/run6/artifacts/../../run9",
        "s3://models/6",
        "",
    ],
)
def test_what_is_no_folder_of_one_run_is_left_alone(aged, source):
    aged.mlflow.sources["6"] = source
    aged.mlflow.files["0/run9/artifacts/notes"] = b"of somebody else"
    assert collect(aged).returncode == 0
    assert {f"{folder(6)}/model/food11.onnx", "0/run9/artifacts/notes"} <= aged.mlflow.files.keys()


# Images of the program


def old_program_images(world):
    """Each repository has an older image beside the current one."""
    for image, letter in ((TRAIN, "1"), (TOOLS, "2"), (BOARD, "3")):
        repository, _, current = image.partition("@")
        world.rules["crane"] = [rule for rule in world.rules["crane"] if rule["args"] != ["ls", repository]]
        world.allow("crane", "ls", repository, stdout=f"latest\ncontent-{current[7:19]}\ncontent-{letter * 12}\n")
        behind(world, f"content-{current[7:19]}", current, repository)
        behind(world, f"content-{letter * 12}", f"sha256:{letter * 64}", repository)
    rule = next(rule for rule in world.rules["crane"] if rule["args"] == ["ls", REPOSITORY])
    rule["stdout"] += "\ncontent-999999999999"
    behind(world, "content-999999999999", f"sha256:{'9' * 64}")


OLD = [
    f"gourmetgram-{name}@sha256:{letter * 64}"
    for name, letter in (("app", "9"), ("train", "1"), ("tools", "2"), ("board", "3"))
]


def test_old_images_of_the_program_go(aged):
    old_program_images(aged)
    done = collect(aged)
    assert done.returncode == 0, done.stderr
    assert deleted(aged)[-4:] == OLD


def test_a_stack_without_a_board_has_no_image_of_it(aged):
    old_program_images(aged)
    done = collect(aged, BOARD_IMAGE="")
    assert done.returncode == 0, done.stderr
    assert deleted(aged)[-3:] == OLD[:3]


def test_the_base_of_a_version_that_stays_stays(aged):
    aged.mlflow.versions["7"]["image_base"] = f"sha256:{'9' * 64}"
    old_program_images(aged)
    assert collect(aged).returncode == 0 and OLD[0] not in deleted(aged)


def test_the_base_stays_that_a_bundle_names(aged):
    annotated(aged, "canary", base=f"{REPOSITORY}@sha256:{'9' * 64}")
    old_program_images(aged)
    assert collect(aged).returncode == 0 and OLD[0] not in deleted(aged)


def test_no_base_goes_where_an_application_does_not_say_which_one_it_needs(aged):
    annotated(aged, "canary", base="")
    old_program_images(aged)
    done = collect(aged)
    assert done.returncode == 0 and OLD[0] not in deleted(aged) and OLD[1] in deleted(aged), done.stderr
    assert "No base image is collected" in done.stdout


def test_an_image_stays_that_was_pushed_and_is_not_used_yet(aged):
    old_program_images(aged)
    repository = TRAIN.partition("@")[0]
    rule = next(rule for rule in aged.rules["crane"] if rule["args"] == ["digest", f"{repository}:latest"])
    rule["stdout"] = f"sha256:{'1' * 64}"
    assert collect(aged).returncode == 0 and OLD[1] not in deleted(aged)


def test_an_image_stays_that_an_unfinished_workflow_runs(aged):
    old_program_images(aged)
    rule = next(rule for rule in aged.rules["kubectl"] if rule["args"] == LIST_WORKFLOWS)
    rule["stdout"] = json.dumps({"items": [{"status": {"image": f"x@sha256:{'2' * 64}"}}]})
    assert collect(aged).returncode == 0 and OLD[2] not in deleted(aged) and OLD[1] in deleted(aged)


# Bundles of the environments

BUNDLES = f"{HOST}/bundles/gourmetgram-canary"
NOW, OLD_BUNDLE = "a" * 12, "e" * 12
HOUR = 3600


def packed(age):
    """What `crane export` prints of a bundle that was pushed so many seconds ago."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as files:
        entry = tarfile.TarInfo("deployment.yaml")
        entry.mtime = int(time.time()) - age
        files.addfile(entry)
    return content.getvalue().decode()


def bundled(world, *tags, stdout, status=None):
    """Canary's Application names the bundle NOW; the registry has these too, with what `crane export` prints."""
    rule = next(rule for rule in world.rules["kubectl"] if rule["args"][2] == "gourmetgram-canary")
    application = json.loads(rule["stdout"])
    application["spec"]["source"]["targetRevision"] = NOW
    application["status"] |= status or {}
    rule["stdout"] = json.dumps(application)
    tagged(world, BUNDLES, **{f"{tag}": f"sha256:{tag[0] * 64}" for tag in (NOW, *tags)})
    for tag in (NOW, *tags):
        world.allow("crane", "export", f"{BUNDLES}@sha256:{tag[0] * 64}", "-", stdout=stdout)


def gone_bundles(world):
    return [image for image in deleted(world) if image.startswith("bundles/")]


def test_a_bundle_goes_that_its_application_does_not_name(aged):
    bundled(aged, OLD_BUNDLE, stdout=packed(2 * HOUR))
    done = collect(aged)
    assert done.returncode == 0, done.stderr
    assert gone_bundles(aged) == [f"bundles/gourmetgram-canary@sha256:{'e' * 64}"]
    assert " and 1 bundle were collected" in aged.output("reason")


def test_a_dry_run_lists_the_bundles(aged):
    bundled(aged, OLD_BUNDLE, stdout=packed(2 * HOUR))
    assert collect(aged, DRY_RUN="yes").returncode == 0 and untouched(aged)
    assert f"delete bundles/gourmetgram-canary@sha256:{'e' * 64}" in aged.output("plan").splitlines()


@pytest.mark.parametrize(
    "status",
    [
        {"history": [{"revision": f"sha256:{'e' * 64}"}]},
        {"history": [{"source": {"targetRevision": OLD_BUNDLE}}]},
        {"operationState": {"syncResult": {"source": {"targetRevision": OLD_BUNDLE}}}},
    ],
)
def test_a_bundle_stays_that_argo_cd_syncs_or_could_go_back_to(aged, status):
    bundled(aged, OLD_BUNDLE, stdout=packed(2 * HOUR), status=status)
    assert collect(aged).returncode == 0 and gone_bundles(aged) == []


@pytest.mark.parametrize("stdout", [packed(HOUR // 2), "", "no archive"])
def test_a_bundle_stays_that_is_young_or_of_unknown_age(aged, stdout):
    bundled(aged, OLD_BUNDLE, stdout=stdout)
    assert collect(aged).returncode == 0 and gone_bundles(aged) == []


def test_a_bundle_stays_that_a_person_gave_a_tag(aged):
    bundled(aged, "best", stdout=packed(2 * HOUR))
    assert collect(aged).returncode == 0 and gone_bundles(aged) == []


def test_no_bundle_goes_where_an_application_does_not_say_which_one_it_needs(aged):
    bundled(aged, OLD_BUNDLE, stdout=packed(2 * HOUR))
    rule = next(rule for rule in aged.rules["kubectl"] if rule["args"][2] == "gourmetgram-canary")
    rule["stdout"] = rule["stdout"].replace("targetRevision", "otherRevision")
    done = collect(aged)
    assert done.returncode == 0 and gone_bundles(aged) == [], done.stderr
    assert "No bundle of canary is collected" in done.stdout


# A volume that is full


def test_a_full_volume_of_mlflow_is_named_and_final(aged):
    aged.mlflow.full = True
    done = collect(aged)
    assert done.returncode == 1
    assert aged.output("reason") == (
        "The volume of MLflow is full: run npm run collect to make room; if it stays full, npm run status says what "
        "else helps."
    )


def test_a_full_volume_of_mlflows_database_is_named_as_such():
    said = "(psycopg2.errors.DiskFull) could not extend file: No space left on device"
    with pytest.raises(StepFailed) as failure:
        full_volume.require_room(said, full_volume.MLFLOW)
    assert str(failure.value) == "The volume of MLflow's PostgreSQL is full: npm run status says what helps."
    with pytest.raises(StepFailed, match=r"^The volume of the registry is full: "):
        full_volume.require_room(said, full_volume.REGISTRY)


def test_a_registry_that_is_away_is_waited_for(aged):
    aged.rules["crane"] = [rule for rule in aged.rules["crane"] if rule["args"][0] != "delete"]
    aged.allow("crane", "delete", "*", **says("crane", "refused"))
    assert collect(aged).returncode == 75 and collected(aged) == []
