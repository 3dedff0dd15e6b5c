"""The images of a benchmark: small, and the same in each run, so that whoever fills MLflow knows their digests."""

import functools
import hashlib
import json
from typing import NamedTuple

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
# Of each layer. That of a real model has some nine million bytes.
LAYER_BYTES = 65_536


class Image(NamedTuple):
    """An image as a registry keeps it. `blobs`: its layers, then its config."""

    manifest: bytes
    blobs: list[bytes]


def image(version: int) -> Image:
    """The image of a version: the layer of the base image, and one of its own. Version 0 is the base image."""
    layers = [layer(number) for number in sorted({0, version})]
    diff_ids = [digest_of(content) for content in layers]
    config = as_json(architecture="amd64", os="linux", rootfs={"type": "layers", "diff_ids": diff_ids})
    described = [descriptor(LAYER, content) for content in layers]
    manifest = as_json(schemaVersion=2, mediaType=MANIFEST, config=descriptor(CONFIG, config), layers=described)
    return Image(manifest, [*layers, config])


@functools.cache
def digest(version: int) -> str:
    """The digest of a version's image."""
    return digest_of(image(version).manifest)


def layer(version: int) -> bytes:
    """Bytes that no other version has, and that nothing makes smaller."""
    return hashlib.shake_256(f"layer {version}".encode()).digest(LAYER_BYTES)


def descriptor(media_type: str, content: bytes) -> dict[str, str | int]:
    """How a manifest names a part of its image."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def digest_of(content: bytes) -> str:
    """The digest of a content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def as_json(**fields: object) -> bytes:
    """A JSON object."""
    return json.dumps(fields, separators=(",", ":")).encode()
