"""Signed envelopes as DSSE 1.0 specifies them (secure-systems-lab/dsse), by ECDSA on P-256 with SHA-256."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from lib import signing_keys
from lib.signing_keys import PrivateKey, PublicKey

IN_TOTO = "application/vnd.in-toto+json"

Envelope = dict[str, Any]


class Unverified(Exception):
    """What is no proof of anything; the message says why, as the end of a sentence without its full stop."""


def sign(payload: bytes, key: PrivateKey, payload_type: str = IN_TOTO) -> Envelope:
    """An envelope that holds a payload and its signature."""
    signature = key.sign(encoded(payload_type, payload), ec.ECDSA(hashes.SHA256()))
    return {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": signing_keys.key_id(key.public_key()), "sig": base64.b64encode(signature).decode()},
        ],
    }


def verified_payload(envelope: object, keys: Mapping[str, PublicKey], payload_type: str = IN_TOTO) -> bytes:
    """
    The payload of an envelope that one of the keys signed, by their ids. A signature without a key's id is tried with
    each of them. Raises Unverified.
    """
    try:
        named, payload = envelope["payloadType"], base64.b64decode(envelope["payload"], validate=True)
        signatures = [
            (given.get("keyid") or "", base64.b64decode(given["sig"], validate=True))
            for given in envelope["signatures"]
        ]
    except (TypeError, KeyError, AttributeError, binascii.Error, ValueError) as error:
        raise Unverified("it is no signed envelope") from error
    if named != payload_type:
        raise Unverified(f"it holds {str(named)[:80]!r}, not {payload_type}")
    signed = encoded(payload_type, payload)
    known = [
        (signature, key)
        for named, signature in signatures
        for id_of_key, key in keys.items()
        if named in ("", id_of_key)
    ]
    if not known:
        by = ", ".join(str(named)[:12] for named, _ in signatures if named) or "nobody"
        raise Unverified(f"it is signed by {by}, which is none of the keys that count")
    if not any(_matches(key, signature, signed) for signature, key in known):
        raise Unverified("its signature does not match its content")
    return payload


def encoded(payload_type: str, payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    name = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def _matches(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False
