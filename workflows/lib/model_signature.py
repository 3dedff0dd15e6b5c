"""
The signature of a model, in the format OpenSSF Model Signing 1.0. `images/train/signature.py` makes it with the key
`training`, beside the model's files.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lib import app_image, bundle, constants, model_registry, signing_keys, statement
from lib.dsse import Unverified
from lib.errors import StepFailed
from lib.signing_keys import PublicKey
from lib.statement import Statement

SIGNATURE_FILE = "model.sig"
# What the training says of itself; signed like the model.
TRAINING_FILE = "training.json"
PREDICATE = "https://model_signing/signature/v1.0"
MAX_SIGNATURE_BYTES = 1 << 20

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,100}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Training(NamedTuple):
    """What a training signed of itself. `run`: its run in MLflow; `data_sha256`: of the data that the model learnt."""

    run: str
    data_sha256: str


class SignedModel(NamedTuple):
    """A model whose files are those that its training signed. `sha256`: the one digest of all of them."""

    sha256: str
    files: Mapping[str, str]
    training: Training


def require(version: str, folder: Path) -> SignedModel:
    """
    Checks the files of a version against its signature. What the folder does not have yet is fetched into it. Raises
    StepFailed, or Unavailable where MLflow does not answer.
    """
    if f"sha256.{SIGNATURE_FILE}" not in model_registry.run_tags(model_registry.get(version).run):
        unsigned = f"Version {version} has no signature: train-model did not register it, or did so before models were"
        raise StepFailed(f"{unsigned} signed. Train it again.")
    path = folder / SIGNATURE_FILE
    model_registry.download(version, SIGNATURE_FILE, path, MAX_SIGNATURE_BYTES)
    try:
        signed = read(path.read_bytes(), signing_keys.public_keys(signing_keys.TRAINING))
        if signed.subject.name != constants.MODEL:
            raise Unverified(f"it is of {signed.subject.name[:100]!r}, not of {constants.MODEL}")
        files = resources(signed)
        require_files(version, files, folder)
        training = read_training(folder / TRAINING_FILE)
    except Unverified as refusal:
        raise StepFailed(f"The signature of version {version} does not count: {refusal}. Train it again.") from refusal
    return SignedModel(signed.subject.sha256, files, training)


def read(content: bytes, keys: Mapping[str, PublicKey]) -> Statement:
    """The statement of a signature's file that one of the keys signed, by their ids. Raises Unverified."""
    return statement.read(bundle.unpack(content), keys, PREDICATE)


def resources(signed: Statement) -> dict[str, str]:
    """The SHA-256 of each file, by its name. Raises Unverified, also where they are not those of the one digest."""
    try:
        serialization, listed = signed.predicate["serialization"], signed.predicate["resources"]
        is_understood = (serialization["method"], serialization["hash_type"]) == ("files", "sha256")
        files = {one["name"]: one["digest"] for one in listed if one["algorithm"] == "sha256"}
        is_understood = (
            is_understood
            and len(files) == len(listed)
            and all(_FILE.fullmatch(name) and _SHA256.fullmatch(digest) for name, digest in files.items())
        )
    except (TypeError, KeyError) as error:
        raise Unverified("it does not list the files") from error
    if not is_understood:
        raise Unverified("it does not list the files by name and SHA-256")
    whole = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in files.values())).hexdigest()
    if whole != signed.subject.sha256:
        raise Unverified("its digest is not that of the files that it lists")
    missing = [name for name in (app_image.MODEL_FILE, TRAINING_FILE) if name not in files]
    if missing:
        raise Unverified(f"it does not list {missing[0]}")
    return files


def require_files(version: str, files: Mapping[str, str], folder: Path) -> None:
    """Raises StepFailed where a file is not what was signed."""
    for name, sha256 in files.items():
        path = folder / name
        if not path.exists():
            model_registry.download(version, name, path, app_image.MAX_BYTES)
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != sha256:
            changed = f"{name} of version {version} is not what its training signed: its SHA-256 is {found}"
            raise StepFailed(f"{changed}, not {sha256}. Train it again, or restore MLflow's artifacts.")


def read_training(path: Path) -> Training:
    """What a training says of itself. Raises Unverified."""
    try:
        found = json.loads(path.read_bytes())
        return Training(str(found["run"]), str(found["data_sha256"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unverified(f"{TRAINING_FILE} does not say of which training it is") from error
