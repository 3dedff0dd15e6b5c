"""The model's signature, in the format OpenSSF Model Signing 1.0: `model_signing verify key` checks it too.

It is a Sigstore bundle beside the files. The bundle holds an in-toto statement with the SHA-256 of each file, in a
signed DSSE envelope, and the hash of the public key. `workflows/lib/model_signature.py` checks it before an image is
built.
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SIGNATURE_FILE = "model.sig"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


def sign(folder: Path, name: str, key_file: Path) -> Path:
    """Signs all files of a folder as the model `name`, with a private key on P-256. Returns the signature's file."""
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    payload = json.dumps(statement(folder, name)).encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        # The format knows a key by the hash of its PEM, and the pipeline by that of its DER.
        "verificationMaterial": {
            "publicKey": {"hint": public_hash(key, serialization.Encoding.PEM)},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {
                    "sig": base64.b64encode(signature).decode(),
                    "keyid": public_hash(key, serialization.Encoding.DER),
                }
            ],
        },
    }
    path = folder / SIGNATURE_FILE
    path.write_text(json.dumps(bundle))
    return path


def statement(folder: Path, name: str) -> dict[str, object]:
    """What is signed: the files of a folder, and one digest of them all."""
    files = sorted(path for path in folder.iterdir() if path.name != SIGNATURE_FILE)
    digests = [hashlib.sha256(path.read_bytes()) for path in files]
    whole = hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": whole}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [SIGNATURE_FILE],
            },
            "resources": [
                {"name": path.name, "algorithm": "sha256", "digest": digest.hexdigest()}
                for path, digest in zip(files, digests, strict=True)
            ],
        },
    }


def public_hash(key: ec.EllipticCurvePrivateKey, encoding: serialization.Encoding) -> str:
    """SHA-256 of the public key in an encoding, in hexadecimal digits."""
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()
