"""Deploys a model version's image to an environment; the alias moves last, when the version serves."""

import inputs
import models
import names
import outputs
import rollout
from inputs import StepFailed


def main():
    environment, version, digest = inputs.environment(), inputs.version(), inputs.optional_digest()
    try:
        digest = built_digest(version, digest)
        rollout.release(environment, rollout.image_override(digest), digest, names.app_version(version))
        models.move_alias(environment, version)
    except StepFailed as failure:
        outputs.write("reason", outputs.clean(failure))
        raise
    outputs.write("reason", f"{environment} serves {names.app_version(version)}")


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
