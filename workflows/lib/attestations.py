"""
What is signed of an image, in the registry beside it: OCI referrers, each a manifest with the image as its `subject`
and a Sigstore bundle as its one layer. A registry without the referrers API, as version 2.8, has them listed in an
index behind the tag `sha256-<digest>`, which crane keeps.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lib import bundle, crane, statement
from lib.dsse import Unverified
from lib.errors import StepFailed
from lib.signing_keys import PrivateKey, PublicKey
from lib.statement import Statement, Subject

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
# Times that an attestation is pushed, where somebody else changed the index of the same image at the same moment.
TRIES = 3


class Image(NamedTuple):
    """An image in the registry. `digest`: `sha256:` and 64 hexadecimal digits."""

    repository: str
    digest: str

    @property
    def subject(self) -> Subject:
        """How statements name it."""
        return Subject(self.repository, self.digest.removeprefix("sha256:"))

    @property
    def index(self) -> str:
        """Where its attestations are listed."""
        return f"{self.repository}:{self.digest.replace(':', '-')}"


class Found(NamedTuple):
    """`counting`: the statements that a key signed of this image; `refused`: why each of the others does not count."""

    counting: list[Statement]
    refused: list[str]


def attach(image: Image, predicate_type: str, predicate: Mapping[str, Any], key: PrivateKey) -> None:
    """Signs a statement about an image and keeps it beside the image. Raises Unavailable or StepFailed."""
    content = bundle.pack(statement.sign(Statement(image.subject, predicate_type, predicate), key))
    with tempfile.TemporaryDirectory() as folder:
        digest = write_layout(Path(folder), image, predicate_type, content)
        for _ in range(TRIES):
            crane.run("push", folder, f"{image.repository}@{digest}")
            if digest in referrers(image):
                return
    raise StepFailed(f"The registry does not list what was signed of {image.digest}: run the workflow again.")


def read(image: Image, predicate_type: str, keys: Mapping[str, PublicKey]) -> Found:
    """What was signed of an image of one kind, by one of the keys. Raises Unavailable or StepFailed."""
    found = Found([], [])
    for digest in referrers(image):
        content = content_of(image.repository, digest)
        try:
            envelope = bundle.unpack(content)
            if statement.kind_of(envelope) != predicate_type:
                continue
            stated = statement.read(envelope, keys, predicate_type)
            if stated.subject.sha256 != image.subject.sha256:
                raise Unverified(f"it is about another image, sha256:{stated.subject.sha256[:12]}")
            found.counting.append(stated)
        except Unverified as refusal:
            found.refused.append(str(refusal))
    return found


def referrers(image: Image) -> list[str]:
    """Digests of the manifests of what is kept beside an image."""
    try:
        index = json.loads(crane.run("manifest", image.index))
    except crane.Missing:
        return []
    return [entry["digest"] for entry in index.get("manifests", [])]


def content_of(repository: str, digest: str) -> bytes:
    """The one layer of a referrer; nothing where it has none, or is gone."""
    try:
        layers = json.loads(crane.run("manifest", f"{repository}@{digest}")).get("layers", [])
        return crane.run("blob", f"{repository}@{layers[0]['digest']}").encode() if len(layers) == 1 else b""
    except crane.Missing:
        return b""


def remove(image: Image) -> None:
    """Deletes what is kept beside an image. What is gone already is no error. Raises Unavailable or StepFailed."""
    for digest in referrers(image):
        crane.delete(f"{image.repository}@{digest}")
    index = crane.digest(image.index)
    if index:
        crane.delete(f"{image.repository}@{index}")


def write_layout(folder: Path, image: Image, predicate_type: str, content: bytes) -> str:
    """Writes a referrer to a folder as an OCI layout; returns the digest of its manifest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(media_type: str, data: bytes) -> dict[str, Any]:
        sha256 = hashlib.sha256(data).hexdigest()
        (blobs / sha256).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{sha256}", "size": len(data)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": bundle.MEDIA_TYPE,
        # crane lists a referrer under the type of its config.
        "config": blob(bundle.MEDIA_TYPE, b"{}"),
        "layers": [blob(bundle.MEDIA_TYPE, content)],
        "subject": {"mediaType": MANIFEST, "digest": image.digest, "size": manifest_size(image)},
        "annotations": {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": predicate_type,
        },
    }
    entry = blob(MANIFEST, json.dumps(manifest).encode())
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}))
    return entry["digest"]


def manifest_size(image: Image) -> int:
    """Bytes of an image's manifest. Raises crane.Missing where the registry does not have it."""
    return len(crane.run("manifest", f"{image.repository}@{image.digest}").encode())
