"""Files with a signed envelope, as Sigstore bundles: `cosign` and `model_signing` read them too."""

import json

from lib.dsse import Envelope, Unverified

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def pack(envelope: Envelope) -> bytes:
    """The file of an envelope that a key signed."""
    hint = envelope["signatures"][0]["keyid"]
    material = {"publicKey": {"hint": hint}, "tlogEntries": []}
    content = {"mediaType": MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    return json.dumps(content, separators=(",", ":")).encode()


def unpack(content: bytes) -> object:
    """What a file holds in place of an envelope. Raises Unverified where it is no bundle with one."""
    try:
        found = json.loads(content)
        media_type, envelope = found["mediaType"], found["dsseEnvelope"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unverified("it is no Sigstore bundle with an envelope") from error
    if media_type != MEDIA_TYPE:
        raise Unverified(f"it is of the kind {str(media_type)[:80]!r}, not {MEDIA_TYPE}")
    return envelope
