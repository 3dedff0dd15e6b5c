"""
Runs when a workflow ends without having acted on a verdict: a broken step, a deadline, a person's stop.
If staging is left on a version that has not passed, it goes back. Otherwise nothing is deployed.
"""

from lib import child_workflows, constants, inputs, model_registry, outputs, rollout, step
from lib.child_workflows import LockLost, Workflow
from lib.errors import StepFailed


def main() -> None:
    version, workflow = inputs.version(), child_workflows.current()
    try:
        child_workflows.require_lock(workflow)
        revert_if_unverified(version, workflow)
    except LockLost as lost:
        print(lost)
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise


def revert_if_unverified(version: str, workflow: Workflow) -> None:
    """Records that the version was not judged, and reverts staging where it was told to run it."""
    released, why = rollout.released_digest(constants.STAGING), child_workflows.failure_reason(workflow)
    model = model_registry.find(version)
    if model is None:
        deleted = f"version {version} was deleted in MLflow while it was tested; {why}"
        revert_if_unknown(version, released, deleted.rstrip("."))
        return
    if model.verified_digest and (released == model.verified_digest or released != model.digest):
        print(f"Version {version} passed staging; what staging runs now is not for this workflow to change.")
        return
    reason = f"the workflow ended before a verdict was acted on: {why}"
    # A verdict of this very run says more than that its workflow ended.
    judged = model.tags.get("staging.verdict_at", "") >= workflow["metadata"]["creationTimestamp"]
    if not judged:
        model_registry.tag(
            version,
            staging__verdict="inconclusive",
            staging__reason=outputs.clean(reason),
            staging__verdict_at=model_registry.now(),
        )
    if released is None or model.digest != released:
        leave(released, reason)
        return
    revert(version, reason)


def revert_if_unknown(version: str, released: str | None, reason: str) -> None:
    """Reverts staging from a version that MLflow no longer has, unless staging was told to run another one."""
    if released is None or _version_of(released):
        leave(released, reason)
        return
    revert(version, reason)


def leave(released: str | None, reason: str) -> None:
    """Staging was told to run another version meanwhile, or never this one: nothing is reverted."""
    outputs.outcome("broken", f"{reason}; staging is told to run {name_of(released)}")


def revert(version: str, reason: str) -> None:
    """Starts revert-staging, and waits until staging is back."""
    ended = child_workflows.revert_staging(version, reason, purpose="exit-handler")
    outputs.outcome("inconclusive", f"{reason}; {child_workflows.output(ended, 'reason')}")


def name_of(released: str | None) -> str:
    """What an environment is told to run, by the app version whose image has this digest; None for the base image."""
    if released is None:
        return "the base image"
    number = _version_of(released)
    return constants.app_version(number) if number else released


def _version_of(released: str) -> str | None:
    """Number of the version whose image has this digest, or None."""
    models = model_registry.of_image(released)
    return next((model.number for model in models if released in (model.digest, model.verified_digest)), None)


if __name__ == "__main__":
    step.run(main)
