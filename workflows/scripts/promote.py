"""
Promotes a model version to the next environment: only what passed staging, only the digest that the source runs right
now, only after its soak, and never while promotions are frozen. When the target does not come to serve it, the target
goes back to what it ran, and its alias stays.
"""

import datetime
import time

import freeze
import inputs
import models
import names
import outputs
import registry
import releases
import restore
import rollout
from inputs import StepFailed


class Refused(StepFailed):
    """A rule forbids the promotion; nothing has been changed."""


def main():
    (source, target), version = inputs.promotion(), inputs.version()
    release = releases.begin("promote", target, version)
    try:
        digest = promote(source, target, version)
    except StepFailed as failure:
        word = "refused" if isinstance(failure, Refused) else "broken"
        outputs.outcome(word, failure)
        release.end(word, failure)
        raise
    sentence = f"{target} serves {names.app_version(version)}"
    release.end("promoted", sentence, (names.app_version(version), digest))
    outputs.outcome("promoted", sentence)


def promote(source, target, version):
    digest = promotable(source, version)
    registry.crane("tag", f"{rollout.repository()}@{digest}", f"{target}-{names.app_version(version)}")
    try:
        rollout.release(target, rollout.image_override(digest), digest, names.app_version(version))
    except StepFailed as failure:
        raise StepFailed(f"{failure} {restore.attempt(target)}") from failure
    models.tag(version, **{f"{target}__digest": digest, f"{target}__promoted_at": models.now()})
    models.move_alias(target, version)
    return digest


def promotable(source, version):
    """The digest to promote; raises Refused when a rule forbids it."""
    model = models.get(version)
    verified = model.verified_digest
    if not verified:
        raise Refused(f"Version {version} has not passed staging with its present image: run build-container-image for it.")
    frozen = freeze.reason()
    if frozen:
        raise Refused(frozen)
    running = rollout.running_digests(source)
    if running != [verified]:
        raise Refused(f"{source} runs {', '.join(running) or 'nothing'}, not {verified} of version {version}: only what runs there goes on.")
    left = soak_left(source, model, time.time())
    if left > 0:
        raise Refused(f"{source} has to run version {version} for {left / 60:.1f} more minutes before it goes on: promote it then.")
    return verified


def soak_left(source, model, now):
    """Seconds that a version must still run in the source; 0 where no soak is asked, or in staging."""
    minutes = inputs.number("MINIMUM_SOAK_MINUTES", 0, 100000, default=0.0)
    if source == "staging" or minutes == 0:
        return 0
    since = model.tags.get(f"{source}.promoted_at")
    if not since:
        return minutes * 60
    began = datetime.datetime.strptime(since, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
    return max(0.0, began + minutes * 60 - now)


if __name__ == "__main__":
    inputs.run(main)
