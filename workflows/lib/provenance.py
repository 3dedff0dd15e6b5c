"""What an image was made from, as SLSA 1.0 has it: signed with the key `build`, and kept beside the image."""

from collections.abc import Mapping
from typing import Any

from lib import attestations, constants, signing_keys
from lib.app_image import MODEL_FILE
from lib.attestations import Image
from lib.model_signature import SignedModel
from lib.signing_keys import PrivateKey

PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://gourmetgram.io/build-container-image/v1"
BUILDER = "https://gourmetgram.io/pipeline"


def attach(image: Image, definition: Mapping[str, Any], workflow: str, finished: str, key: PrivateKey) -> None:
    """
    Signs what an image was made from, unless that is there already: a step may run again. `finished`: when it was made,
    UTC. Raises Unavailable or StepFailed.
    """
    keys = signing_keys.public_keys(signing_keys.BUILD)
    known = attestations.read(image, PREDICATE, keys).counting
    if any(stated.predicate.get("buildDefinition") == definition for stated in known):
        return
    metadata = {"invocationId": workflow, "finishedOn": finished}
    predicate = {
        "buildDefinition": definition,
        "runDetails": {"builder": {"id": BUILDER}, "metadata": metadata},
    }
    attestations.attach(image, PREDICATE, predicate, key)


def definition(version: str, base: str, model: SignedModel, commit: str | None) -> dict[str, Any]:
    """
    What the image of a version is made from. `base`: the base image, `repository@digest`; `commit`: of the sources of
    the base image in Git, None where nobody knows it.
    """
    repository, _, base_digest = base.partition("@")
    materials = [
        material("base", base_digest.removeprefix("sha256:"), f"oci://{repository}"),
        material("model", model.sha256, f"models:/{constants.MODEL}/{version}"),
        material(MODEL_FILE, model.files[MODEL_FILE]),
        material("data", model.training.data_sha256),
    ]
    source = [{"name": "source", "digest": {"gitCommit": commit}}] if commit else []
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": {"model": constants.MODEL, "version": version},
        "resolvedDependencies": [*materials, *source],
    }


def material(name: str, sha256: str, uri: str | None = None) -> dict[str, Any]:
    """One thing that an image is made from."""
    return {"name": name, "digest": {"sha256": sha256}} | ({"uri": uri} if uri else {})
