"""What is signed of a thing: statements as in-toto specifies them (in-toto/attestation, version 1)."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from lib import dsse
from lib.dsse import Envelope, Unverified
from lib.signing_keys import PrivateKey, PublicKey

TYPE = "https://in-toto.io/Statement/v1"

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Subject(NamedTuple):
    """What a statement is about; `sha256` in hexadecimal digits."""

    name: str
    sha256: str


class Statement(NamedTuple):
    """What is said of it. `predicate_type`: a URI that says how `predicate` is to be understood."""

    subject: Subject
    predicate_type: str
    predicate: Mapping[str, Any]


def sign(statement: Statement, key: PrivateKey) -> Envelope:
    """A signed envelope with the statement."""
    return dsse.sign(payload(statement), key)


def payload(statement: Statement) -> bytes:
    """The statement as JSON, the same byte for byte whenever it is the same."""
    content = {
        "_type": TYPE,
        "subject": [{"name": statement.subject.name, "digest": {"sha256": statement.subject.sha256}}],
        "predicateType": statement.predicate_type,
        "predicate": statement.predicate,
    }
    return json.dumps(content, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()


def read(envelope: object, keys: Mapping[str, PublicKey], predicate_type: str) -> Statement:
    """The statement of this kind that one of the keys signed. Raises Unverified."""
    return parse(dsse.verified_payload(envelope, keys), predicate_type)


def kind_of(envelope: object) -> str | None:
    """What kind of statement an envelope claims to hold, whoever signed it; None where it holds none."""
    try:
        return json.loads(base64.b64decode(envelope["payload"]))["predicateType"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def parse(content: bytes, predicate_type: str) -> Statement:
    """The statement of this kind, of one subject. Raises Unverified."""
    try:
        found = json.loads(content)
        [subject], predicate, kind = found["subject"], found["predicate"], found["predicateType"]
        name, sha256 = subject["name"], subject["digest"]["sha256"]
        is_understood = (
            found["_type"] == TYPE
            and isinstance(predicate, dict)
            and isinstance(name, str)
            and _SHA256.fullmatch(sha256) is not None
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unverified("it is no in-toto statement about one thing") from error
    if not is_understood:
        raise Unverified("it is no in-toto statement about one thing")
    if kind != predicate_type:
        raise Unverified(f"it states {str(kind)[:120]!r}, not {predicate_type}")
    return Statement(Subject(name, sha256), kind, predicate)
