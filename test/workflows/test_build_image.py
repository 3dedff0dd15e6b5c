"""build_image.py, with what crane really said and an MLflow that serves the artifact."""

import hashlib
import tarfile

import mlflow
import pytest

from conftest import BASE, says
from lib import app_image, model_registry, provenance, signing_keys, statement
from lib.errors import StepFailed, Unavailable
from signed import register, whole_digest

TAG = f"{BASE.partition('@')[0]}:staging-1.0.7"
APPEND = ("append", "--base", BASE, "--new_layer", "*", "--new_tag", TAG)
BUILT = says("crane", "append")["stdout"].strip().partition("@")[2]


def trained(world, model=b"weights", **tags):
    """Version 7, whose training signed it."""
    world.mlflow.add(7, **tags)
    register(world.mlflow, 7, world.keys.key("training"), model)
    world.allow("crane", "manifest", f"{BASE.partition('@')[0]}@{BUILT}", stdout="{}")


def test_builds(world):
    trained(world, b"weights" * 1000)
    world.allow("crane", *APPEND, **says("crane", "append"))
    done = world.run("build_image", MODEL_VERSION="7")
    assert done.returncode == 0, done.stderr
    assert world.output("digest") == BUILT and BUILT.startswith("sha256:")
    assert world.mlflow.versions["7"]["image_digest"] == BUILT
    assert world.mlflow.versions["7"]["image_base"] == BASE.partition("@")[2]


def attested(world):
    """What was signed of the image with the key of the build."""
    keys = {signing_keys.key_id(key): key for key in [world.keys.key("build").public_key()]}
    return [statement.read(envelope, keys, provenance.PREDICATE) for envelope in world.attestations(BUILT)]


def test_signs_what_the_image_was_made_from(world):
    trained(world)
    world.allow("crane", *APPEND, **says("crane", "append"))
    commit = "c" * 40
    assert world.run("build_image", MODEL_VERSION="7", SOURCE_COMMIT=commit).returncode == 0
    [stated] = attested(world)
    assert stated.subject == ("registry.kube-system.svc.cluster.local:5000/gourmetgram-app", BUILT[7:])
    materials = stated.predicate["buildDefinition"]["resolvedDependencies"]
    assert {one["name"]: one["digest"] for one in materials} == {
        "base": {"sha256": "b" * 64},
        "model": {"sha256": whole_digest(7)},
        "food11.onnx": {"sha256": hashlib.sha256(b"weights").hexdigest()},
        "data": {"sha256": "7" * 64},
        "source": {"gitCommit": commit},
    }
    details = stated.predicate["runDetails"]
    assert details["metadata"]["invocationId"] == "parent" and details["builder"]["id"] == provenance.BUILDER


def test_a_build_that_runs_again_signs_nothing_twice(world):
    trained(world)
    world.allow("crane", *APPEND, **says("crane", "append"))
    for _ in range(2):
        assert world.run("build_image", MODEL_VERSION="7").returncode == 0
    [stated] = attested(world)
    # Without a commit it says nothing of one.
    assert len(stated.predicate["buildDefinition"]["resolvedDependencies"]) == 4
    world.keys.withdraw("build")
    world.keys.rotate("build")
    assert world.run("build_image", MODEL_VERSION="7").returncode == 0
    assert len(world.attestations(BUILT)) == 2


def test_layer_is_the_same_every_time(tmp_path):
    layers = []
    for run in ("a", "b"):
        folder = tmp_path / run
        folder.mkdir()
        (folder / "model").write_bytes(b"weights")
        app_image.write_layer(folder / "layer.tar", folder / "model", "1.0.7")
        layers.append((folder / "layer.tar").read_bytes())
    assert layers[0] == layers[1]
    with tarfile.open(tmp_path / "a" / "layer.tar") as tar:
        assert [(m.name, m.uid, m.gid, m.mtime, m.mode) for m in tar] == [
            ("app/food11.onnx", 0, 0, 0, 0o644),
            ("app/versions.txt", 0, 0, 0, 0o644),
        ]
        assert tar.extractfile("app/versions.txt").read() == b"1.0.7"


def test_version_that_is_not_there(world):
    done = world.run("build_image", MODEL_VERSION="9")
    assert done.returncode == 1 and "no version 9" in done.stderr


def test_artifact_that_is_not_there(world):
    world.mlflow.add(7)
    done = world.run("build_image", MODEL_VERSION="7")
    assert done.returncode == 1 and "food11.onnx of version 7" in done.stderr and not world.output("digest")


def test_an_artifact_that_breaks_off_is_fetched_again(world):
    trained(world)
    world.mlflow.cut_off = 3
    world.allow("crane", *APPEND, **says("crane", "append"))
    done = world.run("build_image", MODEL_VERSION="7")
    assert done.returncode == 75 and not world.calls("crane") and "image_digest" not in world.mlflow.versions["7"]
    broke_off = "the answer broke off after 3 bytes, 4 before its end"
    assert done.stderr == f"Unavailable: food11.onnx of version 7 did not come whole from MLflow: {broke_off}.\n"
    world.mlflow.cut_off = None
    assert world.run("build_image", MODEL_VERSION="7").returncode == 0


@pytest.mark.parametrize("registered,code", [(hashlib.sha256(b"weights").hexdigest(), 0), ("0" * 64, 1)])
def test_an_artifact_is_what_training_registered(world, registered, code):
    trained(world)
    world.mlflow.runs["run7"]["tags"]["sha256.food11.onnx"] = registered
    world.allow("crane", *APPEND, **says("crane", "append"))
    done = world.run("build_image", MODEL_VERSION="7")
    assert done.returncode == code and len(world.calls("crane", "append")) == 1 - code
    if code:
        assert f"and it was registered with {registered}. Train the model again, or restore MLflow's" in done.stderr


def test_an_artifact_of_which_training_registered_no_hash_is_taken_and_the_output_says_so(world):
    trained(world)
    del world.mlflow.runs["run7"]["tags"]["sha256.food11.onnx"]
    world.allow("crane", *APPEND, **says("crane", "append"))
    done = world.run("build_image", MODEL_VERSION="7")
    unknown = "MLflow has no tag sha256.food11.onnx of the training of version 7"
    assert f"{unknown}: the length of its file was checked, its content was not.\n" in done.stdout
    world.mlflow.runs["run7"]["tags"]["sha256.food11.onnx"] = hashlib.sha256(b"weights").hexdigest()
    assert "sha256.food11.onnx" not in world.run("build_image", MODEL_VERSION="7").stdout


@pytest.fixture
def elsewhere(world, tmp_path, monkeypatch):
    """A version whose file MLflow keeps outside its proxy: where it is kept, and where it is to be fetched to."""
    kept, path = tmp_path / "kept" / "food11.onnx", tmp_path / "build" / "food11.onnx"
    for file in (kept, path):
        file.parent.mkdir()
    kept.write_bytes(b"weights")
    world.mlflow.add(7)
    world.mlflow.elsewhere = kept.parent.as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", world.mlflow.url)
    yield kept, path
    assert kept.read_bytes() == b"weights"  # what MLflow keeps stays there


def test_an_artifact_that_mlflow_keeps_elsewhere_is_what_training_registered(world, elsewhere):
    _, path = elsewhere
    found = hashlib.sha256(b"weights").hexdigest()
    world.mlflow.runs["run7"]["tags"]["sha256.food11.onnx"] = "0" * 64
    with pytest.raises(StepFailed, match=f"its SHA-256 is {found}, and it was registered with {'0' * 64}"):
        model_registry.download("7", "food11.onnx", path, 1 << 20)
    assert list(path.parent.iterdir()) == []
    world.mlflow.runs["run7"]["tags"]["sha256.food11.onnx"] = found
    model_registry.download("7", "food11.onnx", path, 1 << 20)
    assert path.read_bytes() == b"weights"
    assert [file.name for file in path.parent.iterdir()] == ["food11.onnx"]


def test_an_artifact_that_mlflow_keeps_elsewhere_has_the_length_that_is_listed(world, elsewhere, monkeypatch):
    _, path = elsewhere
    files = mlflow.store.artifact.local_artifact_repo.LocalArtifactRepository
    listed = files.list_artifacts

    def longer(self, path=None):
        return [mlflow.entities.FileInfo(found.path, found.is_dir, 9) for found in listed(self, path)]

    monkeypatch.setattr(files, "list_artifacts", longer)
    broke_off = "food11.onnx of version 7 did not come whole from MLflow: 7 bytes came, and its store lists 9"
    with pytest.raises(Unavailable, match=broke_off):
        model_registry.download("7", "food11.onnx", path, 1 << 20)
    assert list(path.parent.iterdir()) == []


def test_an_artifact_that_mlflow_keeps_elsewhere_may_be_no_larger_than_the_limit(elsewhere):
    _, path = elsewhere
    with pytest.raises(StepFailed, match="it has more than 6 bytes"):
        model_registry.download("7", "food11.onnx", path, 6)
    assert list(path.parent.iterdir()) == []
    model_registry.download("7", "food11.onnx", path, 7)
    assert path.read_bytes() == b"weights"


def test_registry_unreachable(world):
    trained(world)
    world.allow("crane", *APPEND, **says("crane", "append-refused"))
    done = world.run("build_image", MODEL_VERSION="7")
    assert done.returncode == 75 and "connection refused" in done.stderr
    assert "image_digest" not in world.mlflow.versions["7"]


def test_mlflow_that_restarts_is_waited_for(world):
    trained(world)
    world.mlflow.away = 2
    world.allow("crane", *APPEND, **says("crane", "append"))
    assert world.run("build_image", MODEL_VERSION="7").returncode == 0


def test_registry_that_refuses(world):
    trained(world)
    world.allow("crane", *APPEND, **says("crane", "append-unauthorized"))
    done = world.run("build_image", MODEL_VERSION="7")
    assert done.returncode == 1 and done.stderr.startswith("Failed: crane append failed: Error: pushing image ")
    assert "unexpected status code 401 Unauthorized" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "model,printed,said",
    [
        (b"", says("crane", "append")["stdout"], "food11.onnx of version 7 is empty"),
        (b"weights", "pushed\n", "crane append printed no digest but 'pushed'"),
    ],
)
def test_what_was_not_built_has_no_digest(world, model, printed, said):
    trained(world, model)
    world.allow("crane", *APPEND, stdout=printed)
    done = world.run("build_image", MODEL_VERSION="7")
    assert done.returncode == 1 and said in done.stderr and "image_digest" not in world.mlflow.versions["7"]


def test_what_was_collected_is_not_built(world):
    trained(world, retention__collected="2026-02-01T04:37:00Z")
    done = world.run("build_image", MODEL_VERSION="7")
    assert done.returncode == 1 and "Version 7 was collected at 2026-02-01T04:37:00Z" in done.stderr


@pytest.mark.parametrize("said,code", [("UNKNOWN", 1), ("MANIFEST_BLOB_UNKNOWN", 75), ("BLOB_UPLOAD_UNKNOWN", 75)])
def test_a_full_registry_is_final_and_one_that_restarts_is_waited_for(world, said, code):
    trained(world)
    world.allow("crane", *APPEND, **says("crane", said))
    done = world.run("build_image", MODEL_VERSION="7")
    assert done.returncode == code
    full = "The volume of the registry is full: run npm run collect to make room; "
    assert world.output("reason").startswith(full) == (said == "UNKNOWN")
