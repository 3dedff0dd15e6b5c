"""
Promotes a model version to the next environment: only what passed staging, only the digest that the source runs right now.
When the target does not come to serve it, the target goes back to what it ran, and its alias stays.
"""

import subprocess
import sys

import inputs
import kube
import models
import names
import outputs
import pods
import rollout
from inputs import StepFailed


class Refused(StepFailed):
    """A rule forbids the promotion; nothing has been changed."""


def main():
    (source, target), version = inputs.promotion(), inputs.version()
    try:
        promote(source, target, version)
    except StepFailed as failure:
        outputs.outcome("refused" if isinstance(failure, Refused) else "broken", failure)
        raise


def promote(source, target, version):
    digest = promotable(source, version)
    copy(digest, f"{target}-{names.app_version(version)}")
    before, served = rollout.overrides(target), rollout.released_digest(target)
    try:
        rollout.release(target, rollout.image_override(digest), digest, names.app_version(version))
    except StepFailed as failure:
        raise StepFailed(f"{failure} {restore(target, before, served)}") from failure
    models.move_alias(target, version)
    models.tag(version, **{f"{target}__digest": digest, f"{target}__promoted_at": models.now()})
    outputs.outcome("promoted", f"{target} serves {names.app_version(version)}")


def promotable(source, version):
    """The digest to promote; raises Refused when a rule forbids it."""
    verified = models.get(version).verified_digest
    if not verified:
        raise Refused(f"Version {version} has not passed staging with its present image: run build-container-image for it.")
    name = names.workload(source)
    running = pods.running_digests(kube.listed("pods", name, f"app={name}"))
    if running != [verified]:
        raise Refused(f"{source} runs {', '.join(running) or 'nothing'}, not {verified} of version {version}: only what runs there goes on.")
    return verified


def copy(digest, tag):
    """Names the digest by the target's tag; the content does not move."""
    done = subprocess.run(["crane", "tag", f"{rollout.repository()}@{digest}", tag], capture_output=True, text=True)
    if done.returncode != 0:
        raise StepFailed(f"crane tag {tag} failed: {outputs.clean(done.stderr[-300:])}")


def restore(target, images, digest):
    """Takes the target back to what it ran; returns a sentence about it."""
    base = inputs.image("APP_BASE_IMAGE").rpartition("@")[2]
    try:
        served = models.alias(target)
        rollout.release(target, images, digest or base, names.app_version(served) if images and served else None)
        return f"{target} is back on {names.app_version(served) if images and served else 'the base image'}."
    except StepFailed as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        return f"{target} was told to go back to what it ran, and has not yet: {failure}"


if __name__ == "__main__":
    inputs.run(main)
