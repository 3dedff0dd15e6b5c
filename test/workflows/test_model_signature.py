"""
lib/model_signature.py, as build_image.py uses it: no image is made of a model that its training did not sign. And a
signature of the real `model_signing` is understood.
"""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives import serialization

from conftest import BASE, RECORDED, says
from lib import bundle as bundle_file
from lib import dsse, model_signature, signing_keys
from lib.dsse import Unverified
from signed import bundle_of, changed, put, register, statement_of, training_of

TAG = f"{BASE.partition('@')[0]}:staging-1.0.7"
FILES = {"food11.onnx": b"weights", "features.json": b"{}", "training.json": training_of(7)}
AGAIN = "Train it again."


@pytest.fixture
def trained(world):
    """Version 7 is there, with what a test puts into MLflow."""
    world.mlflow.add(7)
    world.allow("crane", "append", "--base", BASE, "--new_layer", "*", "--new_tag", TAG, **says("crane", "append"))
    built = says("crane", "append")["stdout"].strip().partition("@")[2]
    world.allow("crane", "manifest", f"{BASE.partition('@')[0]}@{built}", stdout="{}")
    return world


def build(world):
    """What the build says for what is wrong; None where it makes the image."""
    done = world.run("build_image", MODEL_VERSION="7")
    if done.returncode == 0:
        return None
    assert done.returncode == 1 and not world.calls("crane") and "image_digest" not in world.mlflow.versions["7"]
    return done.stderr.removeprefix("Failed: ").strip()


def test_an_image_is_made_of_what_its_training_signed(trained):
    register(trained.mlflow, 7, trained.keys.key("training"))
    assert build(trained) is None


def test_the_key_before_a_rotation_still_counts_and_one_that_was_taken_away_does_not(trained):
    key = trained.keys.key("training")
    register(trained.mlflow, 7, key)
    trained.keys.rotate("training")
    assert build(trained) is None
    trained.keys.withdraw("training")
    (trained.folder / "calls").unlink()
    trained.mlflow.versions["7"].clear()
    named = signing_keys.key_id(key.public_key())[:12]
    unknown = f"it is signed by {named}, which is none of the keys that count"
    assert build(trained) == f"The signature of version 7 does not count: {unknown}. {AGAIN}"


@pytest.mark.parametrize("other", ["build", "gates", "release"])
def test_no_other_key_of_the_pipeline_signs_models(trained, other):
    register(trained.mlflow, 7, trained.keys.key(other))
    assert "which is none of the keys that count" in build(trained)


def test_a_model_without_a_signature_is_refused(trained):
    register(trained.mlflow, 7, trained.keys.key("training"))
    del trained.mlflow.runs["run7"]["tags"]["sha256.model.sig"]
    unsigned = "train-model did not register it, or did so before models were signed"
    assert build(trained) == f"Version 7 has no signature: {unsigned}. {AGAIN}"


def test_a_signature_that_was_deleted_is_missing(trained):
    register(trained.mlflow, 7, trained.keys.key("training"))
    del trained.mlflow.files["0/run7/artifacts/model.sig"]
    assert build(trained).startswith("model.sig of version 7 did not come from MLflow: status 404")


@pytest.mark.parametrize("name", [*FILES])
def test_a_file_that_was_changed_is_refused_though_mlflow_was_told_so_too(trained, name):
    register(trained.mlflow, 7, trained.keys.key("training"))
    content = FILES[name] + b" "
    trained.mlflow.files[f"0/run7/artifacts/{name}"] = content
    trained.mlflow.runs["run7"]["tags"][f"sha256.{name}"] = found = hashlib.sha256(content).hexdigest()
    signed = hashlib.sha256(FILES[name]).hexdigest()
    said = f"{name} of version 7 is not what its training signed: its SHA-256 is {found}, not {signed}"
    assert build(trained) == f"{said}. {AGAIN.removesuffix('.')}, or restore MLflow's artifacts."


def test_a_file_that_was_signed_and_is_gone_is_missed(trained):
    register(trained.mlflow, 7, trained.keys.key("training"))
    del trained.mlflow.files["0/run7/artifacts/features.json"]
    assert build(trained).startswith("features.json of version 7 did not come from MLflow: status 404")


def refused(world, bundle, files=FILES):
    put(world.mlflow, 7, files, bundle)
    start, end = "The signature of version 7 does not count: ", f". {AGAIN}"
    said = build(world)
    assert said.startswith(start) and said.endswith(end), said
    return said.removeprefix(start).removesuffix(end)


def test_a_statement_that_was_changed_after_it_was_signed_is_refused(trained):
    bundle = bundle_of(statement_of(FILES), trained.keys.key("training"))
    other = statement_of(FILES | {"food11.onnx": b"mine"})
    said = refused(trained, changed(bundle, subject=other["subject"], predicate=other["predicate"]))
    assert said == "its signature does not match its content"


def test_the_signature_of_another_model_is_refused(trained):
    said = refused(trained, bundle_of(statement_of(FILES, "Cats"), trained.keys.key("training")))
    assert said == "it is of 'Cats', not of GourmetGramFood11Model"


@pytest.mark.parametrize("name", ["food11.onnx", "training.json"])
def test_a_signature_of_less_than_the_model_is_refused(trained, name):
    files = {other: content for other, content in FILES.items() if other != name}
    assert refused(trained, bundle_of(statement_of(files), trained.keys.key("training"))) == f"it does not list {name}"


def test_a_training_that_does_not_say_which_it_is_is_refused(trained):
    files = FILES | {"training.json": b"[]"}
    said = refused(trained, bundle_of(statement_of(files), trained.keys.key("training")), files)
    assert said == "training.json does not say of which training it is"


def predicate(**changes):
    return statement_of(FILES)["predicate"] | changes


LISTED = statement_of(FILES)["predicate"]["resources"]


@pytest.mark.parametrize(
    "signed,said",
    [
        (predicate(resources=LISTED[:2]), "its digest is not that of the files that it lists"),
        (predicate(resources=[*LISTED, LISTED[0]]), "it does not list the files by name and SHA-256"),
        (predicate(resources=[LISTED[0] | {"name": "../keys"}]), "it does not list the files by name and SHA-256"),
        (predicate(resources=[LISTED[0] | {"digest": "A" * 64}]), "it does not list the files by name and SHA-256"),
        (predicate(resources=[LISTED[0] | {"algorithm": "md5"}]), "it does not list the files by name and SHA-256"),
        (predicate(serialization={"method": "shards", "hash_type": "sha256"}), "it does not list the files by name"),
        (predicate(resources=7), "it does not list the files"),
        ({}, "it does not list the files"),
    ],
)
def test_a_list_of_files_that_is_none_is_refused(trained, signed, said):
    bundle = bundle_of(statement_of(FILES) | {"predicate": signed}, trained.keys.key("training"))
    assert refused(trained, bundle).startswith(said)


@pytest.mark.parametrize(
    "bundle,said",
    [
        ([], "it is no Sigstore bundle with an envelope"),
        ({"mediaType": "x", "dsseEnvelope": {}}, "it is of the kind 'x', not application/vnd.dev.sigstore.bundle"),
        ({"mediaType": bundle_file.MEDIA_TYPE, "dsseEnvelope": {}}, "it is no signed envelope"),
    ],
)
def test_what_is_no_signature_is_refused(trained, bundle, said):
    assert refused(trained, bundle).startswith(said)


def test_a_signature_of_the_real_tool_is_understood():
    folder = RECORDED / "model-signing"
    key = serialization.load_pem_public_key((folder / "public.pem").read_bytes())
    keys = {signing_keys.key_id(key): key}
    signed = model_signature.read((folder / "model.sig").read_bytes(), keys)
    files = model_signature.resources(signed)
    assert signed.subject.name == "GourmetGramFood11Model"
    assert files["food11.onnx"] == hashlib.sha256(b"weights").hexdigest() and len(files) == 3
    bundle = json.loads((folder / "model.sig").read_text())
    # It is the same one digest, and the same encoding of the key, that are written here.
    content = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    assert content["subject"][0]["digest"]["sha256"] == signed.subject.sha256
    pem = signing_keys.public_pem(key).encode()
    assert bundle["verificationMaterial"]["publicKey"]["hint"] == hashlib.sha256(pem).hexdigest()
    bundle["dsseEnvelope"] = dsse.sign(b"{}", signing_keys.generate())
    with pytest.raises(Unverified):
        model_signature.read(json.dumps(bundle).encode(), keys)
