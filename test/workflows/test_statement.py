"""lib/dsse.py and lib/statement.py: what is signed can be checked, and whatever else is refused with its reason."""

import base64
import json

import pytest

from lib import dsse, signing_keys, statement
from lib.dsse import Unverified
from lib.statement import Statement, Subject

KIND = "https://example.test/kind/v1"
OURS, OTHER = signing_keys.generate(), signing_keys.generate()
SAID = Statement(Subject("image", "a" * 64), KIND, {"bar": 95, "value": 99.5})


def keys(*private):
    return {signing_keys.key_id(key.public_key()): key.public_key() for key in private}


def why(envelope, known=None, kind=KIND):
    with pytest.raises(Unverified) as refusal:
        statement.read(envelope, keys(OURS) if known is None else known, kind)
    return str(refusal.value)


def test_what_is_encoded_is_what_the_specification_says():
    encoded = dsse.encoded("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert dsse.encoded("é", b"") == "DSSEv1 2 é 0 ".encode()


def test_a_signed_statement_is_read_by_whoever_has_the_key():
    envelope = json.loads(json.dumps(statement.sign(SAID, OURS)))
    assert statement.read(envelope, keys(OTHER, OURS), KIND) == SAID
    assert json.loads(base64.b64decode(envelope["payload"])) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "image", "digest": {"sha256": "a" * 64}}],
        "predicateType": KIND,
        "predicate": {"bar": 95, "value": 99.5},
    }
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert [one["keyid"] for one in envelope["signatures"]] == [*keys(OURS)]


def test_a_statement_is_the_same_byte_for_byte():
    other = SAID._replace(predicate={"value": 99.5, "bar": 95})
    assert statement.payload(SAID) == statement.payload(other)


def test_a_signature_that_names_no_key_is_tried_with_each():
    envelope = statement.sign(SAID, OURS)
    del envelope["signatures"][0]["keyid"]
    assert statement.read(envelope, keys(OTHER, OURS), KIND) == SAID
    assert why(envelope, keys(OTHER)) == "its signature does not match its content"
    assert why(envelope, {}) == "it is signed by nobody, which is none of the keys that count"


def test_the_signature_of_another_key_does_not_count():
    named = signing_keys.key_id(OTHER.public_key())[:12]
    envelope = statement.sign(SAID, OTHER)
    assert why(envelope) == f"it is signed by {named}, which is none of the keys that count"
    envelope["signatures"][0]["keyid"] = next(iter(keys(OURS)))
    assert why(envelope) == "its signature does not match its content"


def test_what_was_changed_afterwards_does_not_count():
    envelope = statement.sign(SAID, OURS)
    changed = SAID._replace(predicate={"bar": 95, "value": 12})
    envelope["payload"] = base64.b64encode(statement.payload(changed)).decode()
    assert why(envelope) == "its signature does not match its content"


def test_one_good_signature_among_others_is_enough():
    envelope = statement.sign(SAID, OURS)
    envelope["signatures"] = [*statement.sign(SAID, OTHER)["signatures"], *envelope["signatures"]]
    assert statement.read(envelope, keys(OURS), KIND) == SAID
    envelope["signatures"] = []
    assert why(envelope) == "it is signed by nobody, which is none of the keys that count"


def test_a_statement_of_another_kind_or_payload_is_not_taken_for_this_one():
    assert why(statement.sign(SAID, OURS), kind="https://example.test/other/v1") == (
        f"it states '{KIND}', not https://example.test/other/v1"
    )
    assert why(dsse.sign(statement.payload(SAID), OURS, "text/plain")) == (
        "it holds 'text/plain', not application/vnd.in-toto+json"
    )


@pytest.mark.parametrize(
    "envelope",
    [None, [], "text", {}, {"payloadType": "x", "payload": "!", "signatures": []}]
    + [{"payloadType": "x", "payload": "", "signatures": signatures} for signatures in (None, [{}], ["x"], 1)],
)
def test_what_is_no_envelope_is_refused(envelope):
    assert why(envelope) == "it is no signed envelope"


def without(key):
    return {name: value for name, value in json.loads(statement.payload(SAID)).items() if name != key}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"7", b"[" * 100_000]
    + [json.dumps(without(key)).encode() for key in ("_type", "subject", "predicate", "predicateType")]
    + [
        json.dumps(without("subject") | {"subject": subject}).encode()
        for subject in ([], [{}], [{"name": "x", "digest": {"sha256": "A" * 64}}], [{"name": 1, "digest": {}}])
    ]
    + [json.dumps(without("_type") | {"_type": "https://in-toto.io/Statement/v0.1"}).encode()]
    + [json.dumps(without("predicate") | {"predicate": []}).encode()]
    + [json.dumps(without("subject") | {"subject": without("predicate")["subject"] * 2}).encode()],
)
def test_what_is_signed_and_no_statement_about_one_thing_is_refused(content):
    assert why(dsse.sign(content, OURS)) == "it is no in-toto statement about one thing"
