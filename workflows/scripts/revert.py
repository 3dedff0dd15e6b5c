"""
Takes staging back to the last version that passed there, by digest; without one, to the base image.
Never to the version that failed, nor to one that was not tested. Safe to run twice, by hand, and on a schedule:
where staging is on that version already, nothing changes.
"""

import children
import inputs
import models
import names
import outputs
import releases
import restore
import rollout
from inputs import StepFailed

STAGING = "staging"


def main():
    failed, reason = inputs.optional_version("FAILED_VERSION"), inputs.reason()
    try:
        revert(failed, reason)
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise


def revert(failed, reason):
    versions, running = models.all_versions(), rollout.released_digest(STAGING)
    failed = failed or unverified(versions, running)
    target = last_good(versions, failed)
    number = target.number if target else None
    digest, served = (target.verified_digest, names.app_version(number)) if target else (None, None)
    place = served or "the base image, since no version has passed staging yet"
    serves = served or "base", digest or restore.base_digest()
    why = reason or (f"version {failed} has not passed staging" if failed else "the alias was elsewhere")
    changes = running != digest or models.alias(STAGING) != number

    children.require_lock()
    release = releases.begin("revert", STAGING, number) if changes else releases.opened("revert", STAGING)
    try:
        # Patching to what is there already changes nothing, and the wait ends at once: so a second run is harmless.
        rollout.release(STAGING, rollout.image_override(digest) if digest else None, serves[1], served)
        if target:
            models.move_alias(STAGING, number)
        else:
            models.drop_alias(STAGING)
    except StepFailed as failure:
        if release:
            release.end("broken", f"{why}; {failure}")
        raise
    if failed:
        models.tag(failed, staging__reverted_to=serves[0], staging__reverted_at=models.now(), staging__revert_reason=why)
    if release:
        release.end("reverted", f"{why}; staging is back on {place}", serves)
    releases.close_interrupted(STAGING, f"staging serves {place}", serves)
    outputs.write("reverted-to", serves[0])
    outputs.outcome("reverted", f"staging is back on {place}")


def last_good(versions, failed):
    """The version whose staging verdict passed last, other than `failed`; None when there is none."""
    passed = [one for one in versions if one.verified_digest and one.number != failed]
    return max(passed, key=lambda one: (one.tags.get("staging.verdict_at", ""), int(one.number)), default=None)


def unverified(versions, running):
    """Number of the version that staging is told to run without its having passed there, or None."""
    return next((one.number for one in versions if running and one.digest == running and one.verified_digest != running), None)


if __name__ == "__main__":
    inputs.run(main)
