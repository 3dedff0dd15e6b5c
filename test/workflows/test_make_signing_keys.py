"""make_signing_keys.py and lib/signing_keys.py: a key is made once, published first, and never changed."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import says
from lib import signing_keys
from lib.errors import StepFailed

PATCH = ["patch", "configmaps", "signing-keys", "--namespace", "argo", "--type", "merge", "--field-manager"]


def get(name):
    return ["get", "secrets", f"signing-key-{name}", "--namespace", "argo", "--output", "json"]


def secret(key):
    return {"data": {"private.pem": base64.b64encode(signing_keys.private_pem(key)).decode()}}


@pytest.fixture
def empty(world):
    """A cluster without keys, but for those that a test puts there."""
    world.allow("kubectl", *PATCH, "promotion-pipeline", "--patch", "*")
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    return world


def published(world):
    """The public keys that were written, by their entry."""
    return {
        entry: pem
        for call in world.calls("kubectl", "patch")
        for entry, pem in json.loads(call["args"][-1])["data"].items()
    }


def test_makes_each_key_and_publishes_it_first(empty):
    for name in signing_keys.NAMES:
        empty.allow("kubectl", *get(name), **says("kubectl", "not-found"))
    done = empty.run("make_signing_keys")
    assert done.returncode == 0, done.stderr
    created = empty.created()
    assert [one["metadata"] for one in created] == [
        {"name": f"signing-key-{name}", "namespace": "argo"} for name in ("training", "build", "gates", "release")
    ]
    keys = [signing_keys.parse_private(base64.b64decode(one["data"]["private.pem"])) for one in created]
    public = [key.public_key() for key in keys]
    assert published(empty) == {
        signing_keys.entry(name, key): signing_keys.public_pem(key)
        for name, key in zip(signing_keys.NAMES, public, strict=True)
    }
    verbs = [call["args"][0] for call in empty.calls("kubectl")]
    assert verbs == ["get", "patch", "create"] * 4
    assert not any("PRIVATE" in str(call["args"]) for call in empty.calls("kubectl"))
    assert "PRIVATE" not in done.stdout and f"gates: {signing_keys.key_id(public[2])} was made" in done.stdout


def test_what_is_there_stays_and_is_published_again(empty):
    keys = {name: signing_keys.generate() for name in signing_keys.NAMES}
    for name, key in keys.items():
        empty.allow("kubectl", *get(name), stdout=secret(key))
    done = empty.run("make_signing_keys")
    assert done.returncode == 0 and not empty.calls("kubectl", "create"), done.stderr
    assert published(empty).keys() == {signing_keys.entry(name, key.public_key()) for name, key in keys.items()}


def test_a_cluster_that_is_away_is_waited_for(empty):
    empty.allow("kubectl", *get("training"), **says("kubectl", "refused"))
    assert empty.run("make_signing_keys").returncode == 75 and not empty.calls("kubectl", "patch")


def pem_of(curve):
    key = ec.generate_private_key(curve)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    "pem,said",
    [(b"", "cannot be read"), (pem_of(ec.SECP384R1()), "not on the curve P-256")],
    ids=["none", "another curve"],
)
def test_a_key_that_is_none_is_not_signed_with(pem, said):
    with pytest.raises(StepFailed, match=f"{said}.*run npm run rotate-key"):
        signing_keys.parse_private(pem)


def test_a_step_without_a_key_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGNING_KEY", str(tmp_path / "none"))
    with pytest.raises(StepFailed, match=r"no key to sign with \(No such file"):
        signing_keys.mounted()


def test_public_keys_are_those_of_the_name_each_under_its_own_id(tmp_path, monkeypatch):
    monkeypatch.setenv("PUBLIC_KEYS", str(tmp_path))
    before, now, other = (signing_keys.generate().public_key() for _ in range(3))
    for name, key in (("gates", before), ("gates", now), ("build", other)):
        (tmp_path / signing_keys.entry(name, key)).write_text(signing_keys.public_pem(key))
    (tmp_path / f"gates.{'0' * 64}").write_text(signing_keys.public_pem(other))
    (tmp_path / "gates.note").write_text("no key")
    assert signing_keys.public_keys("gates") == {signing_keys.key_id(key): key for key in (before, now)}


def test_the_id_is_the_hash_of_the_key_as_openssl_writes_it():
    pem = (
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
        "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
        "-----END PUBLIC KEY-----\n"
    )
    key = serialization.load_pem_public_key(pem.encode())
    assert signing_keys.public_pem(key) == pem
    assert signing_keys.key_id(key) == "5cd252fb0ce8932436faf8ccd1040981b89ee4ad6b9fe9e2a2b7e71aacb27cd3"
