"""
Takes staging back to the last version that passed there, by digest; without one, to the base image.
Never to the version that failed, nor to one that was not tested. Safe to run twice, and by hand.
"""

import inputs
import models
import names
import outputs
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
    target = last_good(models.all_versions(), failed)
    if target:
        digest, served = target.verified_digest, names.app_version(target.number)
        images = rollout.image_override(digest)
    else:
        digest, served, images = inputs.image("APP_BASE_IMAGE").rpartition("@")[2], None, None
    # Patching to what is there already changes nothing, and the wait ends at once: so a second run is harmless.
    rollout.release(STAGING, images, digest, served)
    if target:
        models.move_alias(STAGING, target.number)
    else:
        models.drop_alias(STAGING)
    place = served or "the base image, since no version has passed staging yet"
    if failed:
        models.tag(failed, staging__reverted_to=served or "base", staging__reverted_at=models.now(), staging__revert_reason=reason)
    outputs.write("reverted-to", served or "base")
    outputs.outcome("reverted", f"staging is back on {place}")


def last_good(versions, failed):
    """The version whose staging verdict passed last, other than `failed`; None when there is none."""
    passed = [one for one in versions if one.verified_digest and one.number != failed]
    return max(passed, key=lambda one: (one.tags.get("staging.verdict_at", ""), int(one.number)), default=None)


if __name__ == "__main__":
    inputs.run(main)
