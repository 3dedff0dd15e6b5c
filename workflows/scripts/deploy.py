"""Deploys a model version's image to an environment; the alias moves last, when the version serves."""

import children
import inputs
import models
import names
import outputs
import releases
import rollout
from inputs import StepFailed


def main():
    environment, version, digest = inputs.environment(), inputs.version(), inputs.optional_digest()
    release = releases.begin("deploy", environment, version)
    try:
        digest = built_digest(version, digest)
        children.require_lock()
        rollout.release(environment, rollout.image_override(digest), digest, names.app_version(version))
        models.move_alias(environment, version)
    except StepFailed as failure:
        release.end("broken", failure)
        raise
    sentence = f"{environment} serves {names.app_version(version)}"
    release.end("deployed", sentence, (names.app_version(version), digest))
    outputs.write("reason", sentence)


def built_digest(version, given):
    """The digest that was built for a version. One that is given must be it: no other image passes under its name."""
    digest = models.get(version).digest
    if not digest:
        raise StepFailed(f"Version {version} has no image: run build-container-image for it.")
    if given and given != digest:
        raise StepFailed(f"The image of version {version} is {digest}, not {given}.")
    return digest


if __name__ == "__main__":
    inputs.run(main)
