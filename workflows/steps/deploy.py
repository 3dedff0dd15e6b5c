"""Deploys a model version's image to an environment; the alias moves last, when the version serves."""

from lib import (
    child_workflows,
    constants,
    inputs,
    last_release,
    model_registry,
    outputs,
    release_log,
    restore_time,
    rollout,
    step,
)
from lib.errors import Refused, StepFailed
from lib.last_release import Served


def main() -> None:
    began = release_log.milliseconds()
    environment, version, given = inputs.environment(), inputs.version(), inputs.optional_digest()
    app_version = constants.app_version(version)
    release = release_log.begin("deploy", environment, version)
    try:
        digest = built_digest(version, given)
        child_workflows.require_lock()
        last_release.hold_before_first(environment)
        images = rollout.image_override(digest)
        rollout.release(environment, images, digest, app_version, release.mark_target_changed)
        model_registry.move_alias(environment, version)
    except StepFailed as failure:
        release.fail(failure)
        raise
    sentence = f"{environment} serves {app_version}"
    release.end("deployed", sentence, Served(app_version, digest))
    outputs.write("reason", sentence)
    restore_time.tell(began, [environment])


def built_digest(version: str, given: str | None) -> str:
    """
    The digest that was built for a version. One that is given must be it: no other image passes under its name.
    Raises Refused.
    """
    model = model_registry.get(version)
    if model.collected:
        raise Refused(model.collected)
    digest = model.digest
    if not digest:
        raise Refused(f"Version {version} has no image: run build-container-image for it.")
    if given and given != digest:
        raise Refused(f"The image of version {version} is {digest}, not {given}.")
    return digest


if __name__ == "__main__":
    step.run(main)
