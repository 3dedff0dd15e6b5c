"""
The keys that the pipeline signs with: ECDSA on the curve P-256. Only the pods of the workflow that signs mount a
private key. The public ones are in one ConfigMap, each as `<name>.<key id>`; those of before a rotation stay there, so
that what they signed still counts.
"""

import hashlib
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lib.errors import StepFailed

TRAINING, BUILD, GATES, RELEASE = NAMES = ("training", "build", "gates", "release")
# The ConfigMap of the public keys.
CONFIG_MAP = "signing-keys"
# Key of a Secret that holds a private key.
PRIVATE_KEY = "private.pem"

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey


def secret(name: str) -> str:
    """Name of the Secret with the private key `name`."""
    return f"signing-key-{name}"


def generate() -> PrivateKey:
    """A new key."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: PrivateKey) -> bytes:
    """A private key as its Secret has it: PKCS #8."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def public_pem(key: PublicKey) -> str:
    """A public key as the ConfigMap has it."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: PublicKey) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo in DER, in hexadecimal digits."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def entry(name: str, key: PublicKey) -> str:
    """The ConfigMap's key for a public key."""
    return f"{name}.{key_id(key)}"


def parse_private(pem: bytes) -> PrivateKey:
    """Raises StepFailed where it is no private key on P-256."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise StepFailed(f"A signing key cannot be read ({error}): run npm run rotate-key.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise StepFailed("A signing key is not on the curve P-256: run npm run rotate-key.")
    return key


def mounted() -> PrivateKey:
    """The key that this step signs with: the file `SIGNING_KEY`, default `/keys/private/private.pem`."""
    path = Path(os.environ.get("SIGNING_KEY") or f"/keys/private/{PRIVATE_KEY}")
    try:
        return parse_private(path.read_bytes())
    except OSError as error:
        raise StepFailed(f"This step has no key to sign with ({error.strerror}: {path}): run npm start.") from error


def public_keys(name: str) -> dict[str, PublicKey]:
    """
    The public keys `name` by their ids, those of before included: the files of the folder `PUBLIC_KEYS`, default
    `/keys/public`. What is no such key there, or not under its own id, counts as none.
    """
    folder = Path(os.environ.get("PUBLIC_KEYS") or "/keys/public")
    found = {}
    for file in sorted(folder.glob(f"{name}.*")):
        try:
            key = serialization.load_pem_public_key(file.read_bytes())
        except (ValueError, TypeError):
            continue
        if isinstance(key, ec.EllipticCurvePublicKey) and file.name == entry(name, key):
            found[key_id(key)] = key
    return found
