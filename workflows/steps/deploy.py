"""Deploys a model version's image to an environment; the alias moves last, when the version serves."""

from lib import child_workflows, constants, inputs, last_release, model_registry, outputs, release_log, rollout, step
from lib.errors import StepFailed
from lib.last_release import Served


def main() -> None:
    environment, version, given = inputs.environment(), inputs.version(), inputs.optional_digest()
    app_version = constants.app_version(version)
    release = release_log.begin("deploy", environment, version)
    try:
        digest = built_digest(version, given)
        child_workflows.require_lock()
        last_release.hold_before_first(environment)
        rollout.release(environment, rollout.image_override(digest), digest, app_version)
        model_registry.move_alias(environment, version)
    except StepFailed as failure:
        release.end("broken", failure)
        raise
    sentence = f"{environment} serves {app_version}"
    release.end("deployed", sentence, Served(app_version, digest))
    outputs.write("reason", sentence)


def built_digest(version: str, given: str | None) -> str:
    """
    The digest that was built for a version. One that is given must be it: no other image passes under its name.
    Raises StepFailed.
    """
    model = model_registry.get(version)
    if model.collected:
        raise StepFailed(model.collected)
    digest = model.digest
    if not digest:
        raise StepFailed(f"Version {version} has no image: run build-container-image for it.")
    if given and given != digest:
        raise StepFailed(f"The image of version {version} is {digest}, not {given}.")
    return digest


if __name__ == "__main__":
    step.run(main)
