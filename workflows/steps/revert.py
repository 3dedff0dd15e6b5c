"""
Takes staging back to the last version that passed there, by digest; without one, to the base image.
Never to the version that failed, nor to one that was not tested. Safe to run twice, by hand, and on a schedule:
where staging is on that version already, nothing changes.
"""

from collections.abc import Sequence

from lib import child_workflows, constants, inputs, model_registry, outputs, release_log, rollout, step
from lib.constants import STAGING
from lib.errors import StepFailed
from lib.model_registry import ModelVersion
from lib.release_log import Served


def main() -> None:
    failed, reason = inputs.optional_version("FAILED_VERSION"), inputs.reason()
    try:
        revert(failed, reason)
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise


def revert(failed: str | None, reason: str) -> None:
    """Reverts staging. `failed`: the version to leave, None for the one that staging runs without its having passed."""
    versions, running = model_registry.all_versions(), rollout.released_digest(STAGING)
    failed = failed or unverified_version(versions, running)
    target = last_good(versions, failed)
    if target:
        app_version, digest = constants.app_version(target.number), target.verified_digest
        place, serves = app_version, Served(app_version, digest)
    else:
        app_version, digest = None, None
        place = "the base image, since no version has passed staging yet"
        serves = Served("base", rollout.base_digest())
    number = target.number if target else None
    why = reason or (f"version {failed} has not passed staging" if failed else "the alias was elsewhere")
    changes = running != digest or model_registry.alias(STAGING) != number

    child_workflows.require_lock()
    rollout.retry_failed_sync(STAGING)
    release = release_log.begin("revert", STAGING, number) if changes else release_log.opened("revert", STAGING)
    try:
        # Patching to what is there already changes nothing, and the wait ends at once: so a second run is harmless.
        rollout.release(STAGING, rollout.image_override(digest) if digest else None, serves.digest, app_version)
        if target:
            model_registry.move_alias(STAGING, number)
        else:
            model_registry.drop_alias(STAGING)
    except StepFailed as failure:
        if release:
            release.end("broken", f"{why}; {failure}")
        raise
    if failed:
        model_registry.tag(
            failed,
            staging__reverted_to=serves.app_version,
            staging__reverted_at=model_registry.now(),
            staging__revert_reason=why,
        )
    if release:
        release.end("reverted", f"{why}; staging is back on {place}", serves)
    release_log.close_interrupted(STAGING, f"staging serves {place}", serves)
    outputs.write("reverted-to", serves.app_version)
    outputs.outcome("reverted", f"staging is back on {place}")


def last_good(versions: Sequence[ModelVersion], failed: str | None) -> ModelVersion | None:
    """The version whose staging verdict passed last, other than `failed`; None when there is none."""
    passed = [version for version in versions if version.verified_digest and version.number != failed]
    return max(passed, key=_verdict_time, default=None)


def _verdict_time(version: ModelVersion) -> tuple[str, int]:
    return version.tags.get("staging.verdict_at", ""), int(version.number)


def unverified_version(versions: Sequence[ModelVersion], running: str | None) -> str | None:
    """Number of the version that staging is told to run without its having passed there, or None."""
    told = [version for version in versions if running and version.digest == running]
    return next((version.number for version in told if version.verified_digest != running), None)


if __name__ == "__main__":
    step.run(main)
