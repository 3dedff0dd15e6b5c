"""The signature that a training makes is the one that the build checks."""

import hashlib
import json
import sys

import pytest

import signature
from conftest import ROOT

sys.path.append(str(ROOT / "workflows"))

from lib import model_signature, signing_keys
from lib.dsse import Unverified

FILES = {"food11.onnx": b"weights", "features.json": b"{}", "training.json": b'{"run": "r", "data_sha256": "d"}'}


@pytest.fixture
def signed(tmp_path):
    """The folder of a model, signed, and the key that signed it."""
    key = signing_keys.generate()
    (tmp_path / "key.pem").write_bytes(signing_keys.private_pem(key))
    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    assert signature.sign(folder, "Food", tmp_path / "key.pem") == folder / "model.sig"
    return folder, {signing_keys.key_id(key.public_key()): key.public_key()}


def test_is_of_all_files_but_itself(signed):
    folder, keys = signed
    statement = model_signature.read((folder / "model.sig").read_bytes(), keys)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    assert model_signature.resources(statement) == digests and statement.subject.name == "Food"
    assert signature.statement(folder, "Food")["predicate"] == statement.predicate


def test_names_the_key_as_the_format_does_and_as_the_pipeline_does(signed):
    folder, keys = signed
    [(id_of_key, key)] = keys.items()
    bundle = json.loads((folder / "model.sig").read_text())
    assert bundle["dsseEnvelope"]["signatures"][0]["keyid"] == id_of_key
    pem = signing_keys.public_pem(key).encode()
    assert bundle["verificationMaterial"]["publicKey"]["hint"] == hashlib.sha256(pem).hexdigest()


def test_is_nobody_elses(signed):
    folder, _ = signed
    other = signing_keys.generate().public_key()
    with pytest.raises(Unverified, match="none of the keys that count"):
        model_signature.read((folder / "model.sig").read_bytes(), {signing_keys.key_id(other): other})
