"""
Makes the app image of a model version that its training signed, signs what it was made from, and writes its digest on
the version.
"""

import os
import tempfile
from pathlib import Path

from lib import (
    app_image,
    constants,
    inputs,
    model_registry,
    model_signature,
    outputs,
    provenance,
    rollout,
    signing_keys,
    step,
)
from lib.attestations import Image


def main() -> None:
    version, base = inputs.version(), inputs.image("APP_BASE_IMAGE")
    commit = inputs.optional_commit()
    with tempfile.TemporaryDirectory() as folder:
        model = app_image.fetch(version, Path(folder))
        signed = model_signature.require(version, Path(folder))
        digest = app_image.build(version, model, base)
    built_at = model_registry.now()
    made_from = provenance.definition(version, base, signed, commit)
    image = Image(rollout.repository(), digest)
    provenance.attach(image, made_from, os.environ.get("WORKFLOW_NAME", ""), built_at, signing_keys.mounted())
    model_registry.tag(version, image_digest=digest, image_base=base.partition("@")[2], image_built_at=built_at)
    outputs.write("digest", digest)
    print(f"Built {constants.APP_IMAGE}:staging-{constants.app_version(version)}, {digest}", flush=True)


if __name__ == "__main__":
    step.run(main)
