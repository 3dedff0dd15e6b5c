"""lib/attestations.py: what is signed of an image is found beside it, and what does not count says why."""

import pytest

from conftest import BASE, digest
from lib import attestations, bundle, signing_keys, statement
from lib.attestations import Found, Image
from lib.errors import StepFailed
from lib.statement import Statement, Subject

KIND = "https://example.test/kind/v1"
REPOSITORY = BASE.partition("@")[0]
IMAGE = Image(REPOSITORY, digest(7))
OURS, OTHER = signing_keys.generate(), signing_keys.generate()
KEYS = {signing_keys.key_id(OURS.public_key()): OURS.public_key()}


@pytest.fixture
def registry(world, monkeypatch):
    """A registry that has the image of version 7."""
    world.registry_has(7)
    for name, value in world.environment_of_a_step().items():
        monkeypatch.setenv(name, value)
    return world


def signed(key=OURS, version=7, kind=KIND, **predicate):
    subject = Subject(REPOSITORY, digest(version)[7:])
    return bundle.pack(statement.sign(Statement(subject, kind, predicate), key))


def test_an_image_of_which_nothing_is_signed(registry):
    assert attestations.read(IMAGE, KIND, KEYS) == Found([], [])


def test_what_was_attached_is_read(registry):
    attestations.attach(IMAGE, KIND, {"bar": 95}, OURS)
    attestations.attach(IMAGE, "https://example.test/other/v1", {}, OURS)
    found = attestations.read(IMAGE, KIND, KEYS)
    assert found == Found([Statement(IMAGE.subject, KIND, {"bar": 95})], [])
    assert [call["args"][2] for call in registry.calls("crane", "push")] == [
        f"{REPOSITORY}@{one}" for one in attestations.referrers(IMAGE)
    ]


def test_what_another_key_signed_or_of_another_image_does_not_count(registry):
    for content in (signed(OTHER), signed(version=6), b"", b"[]"):
        registry.attest(digest(7), content)
    counting, refused = attestations.read(IMAGE, KIND, KEYS)
    named = signing_keys.key_id(OTHER.public_key())[:12]
    assert counting == [] and refused == [
        f"it is signed by {named}, which is none of the keys that count",
        f"it is about another image, {digest(6)[:19]}",
        "it is no Sigstore bundle with an envelope",
        "it is no Sigstore bundle with an envelope",
    ]


def test_what_the_registry_does_not_list_was_not_attached(registry, monkeypatch):
    monkeypatch.setattr(attestations, "referrers", lambda image: [])
    with pytest.raises(StepFailed, match="does not list what was signed"):
        attestations.attach(IMAGE, KIND, {}, OURS)
    assert len(registry.calls("crane", "push")) == attestations.TRIES
