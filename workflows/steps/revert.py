"""
Takes staging back to the last version that passed there, by digest; without one, to the base image.
Never to the version that failed, nor to one that was not tested. Where MLflow no longer has a version that passed, the
releases tell of one. A version whose image is lost is passed over. Safe to run twice, by hand, and on a schedule: where
staging runs a version that passed, nothing changes.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lib import (
    app_image,
    child_workflows,
    constants,
    events,
    gate_verdicts,
    inputs,
    last_release,
    model_registry,
    outputs,
    past_passes,
    release_log,
    restoration,
    restore_time,
    rollout,
    step,
)
from lib.argocd import released_digest
from lib.attestations import Image
from lib.constants import STAGING
from lib.errors import InvalidInput, StepFailed, Unavailable
from lib.last_release import LastRelease, Served
from lib.model_registry import ModelVersion
from lib.release_log import Recorded


class Staging(NamedTuple):
    """What is known before a revert."""

    # The versions of the image that staging is told to run.
    versions: Sequence[ModelVersion]
    # The digest of that image, None for the base image.
    running: str | None
    # What its Application holds as its last good release.
    held: Served | None


def main() -> None:
    began = release_log.milliseconds()
    failed, reason = inputs.optional_version("FAILED_VERSION"), inputs.reason()
    try:
        revert(failed, reason)
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise
    restore_time.tell(began, [STAGING])


def revert(failed: str | None, reason: str) -> None:
    """Reverts staging. `failed`: the version to leave, None for what staging runs without its having passed."""
    staging = look()
    child_workflows.require_lock()
    require_known(failed)
    rollout.retry_failed_sync(STAGING)
    if failed is None and is_good(staging):
        keep(staging)
        return
    failed = failed or unverified_version(staging)
    if failed is None and staging.running and staging.held is None and not has_good_release(staging, failed):
        leave(staging.running)
        return
    target, lost = first_available(good_releases(staging, failed))
    why, place = reason or why_left(failed), place_of(target, staging)
    go_back(target, place, "; ".join([why, *lost]), staging.running)
    if failed and model_registry.exists(failed):
        model_registry.tag(
            failed,
            staging__reverted_to=target.app_version,
            staging__reverted_at=model_registry.now(),
            staging__revert_reason=why,
        )
    settle(target, place)
    outputs.write("reverted-to", target.app_version)
    outputs.outcome("reverted", f"{outputs.BACK}{place}")


def look() -> Staging:
    """Asks MLflow and Argo CD."""
    application = rollout.application(STAGING)
    kept, running = last_release.held(application), released_digest(application)
    versions = model_registry.of_image(running) if running else []
    return Staging(versions, running, kept.served if kept else None)


def require_known(failed: str | None) -> None:
    """
    Rejects a version that a person mistyped. In a pipeline run, a version that MLflow no longer has was deleted while
    it was tested, and is reverted from like any other.
    """
    known = failed is None or model_registry.exists(failed)
    if not known and not child_workflows.is_under_lock():
        unknown = f"FAILED_VERSION {failed} is no version in MLflow"
        raise InvalidInput(
            f"{unknown}: give one that is, or none to leave what staging runs without its having passed."
        )


def is_good(staging: Staging) -> bool:
    """Whether staging runs what passed there, or what its Application holds as good."""
    if staging.running is None:
        return not has_good_release(staging, None)
    passed = any(version.verified_digest == staging.running for version in staging.versions)
    return passed or forgotten_that_runs(staging) is not None


def keep(staging: Staging) -> None:
    """Changes nothing that serves; the Application, the alias and the record follow."""
    passed = [version for version in staging.versions if version.verified_digest == staging.running]
    if staging.running is None:
        good = Served(last_release.BASE, rollout.base_digest())
    elif passed:
        newest = max(passed, key=lambda version: version.verdict_order)
        good = Served(constants.app_version(newest.number), staging.running)
    else:
        good = forgotten_that_runs(staging)
        restoration.tell_versions_lost({STAGING: good})
    place = place_of(good, staging)
    if good != staging.held:
        last_release.hold(STAGING, good)
    restoration.rebuild_lost_image(STAGING, good)
    settle(good, place)
    outputs.write("reverted-to", good.app_version)
    outputs.outcome("reverted", f"staging runs {place} already")


def leave(running: str) -> None:
    """Nothing is known of what staging runs, nor of anything better."""
    sentence = f"staging runs {running}, which is no version in MLflow: it is left as it is. Train a model."
    events.warn_of_state(STAGING, "UnknownRelease", sentence)
    outputs.outcome("inconclusive", sentence)


def good_releases(staging: Staging, failed: str | None) -> Iterator[Served]:
    """
    What staging may go back to: what passed there, the last verdict first, then what MLflow no longer has; never
    `failed`, nor what was collected.
    """
    for version in model_registry.passed():
        if version.verified_digest and not version.collected and version.number != failed:
            yield Served(constants.app_version(version.number), version.verified_digest)
    for release in forgotten(staging):
        if release.number != failed:
            yield release


def forgotten(staging: Staging) -> Iterator[Served]:
    """
    What passed staging and MLflow no longer has: what staging held, then what the releases tell of, the newest first.
    What MLflow has is judged by its verdict there, and of the others their images say whether they were withdrawn.
    """
    if staging.held and is_left(staging.held):
        yield staging.held
    yield from filter(is_left, past_passes.good(read_records(), held_after_staging()))


def forgotten_that_runs(staging: Staging) -> Served | None:
    """The one of them that staging runs, or None."""
    return next((release for release in forgotten(staging) if release.digest == staging.running), None)


def is_left(release: Served) -> bool:
    """Whether MLflow no longer has its version, whose pass nobody took back."""
    return is_gone(release) and not was_withdrawn(release)


def is_gone(release: Served) -> bool:
    """Whether it is of a version that MLflow no longer has."""
    return release.number is not None and not model_registry.exists(release.number)


def was_withdrawn(release: Served) -> bool:
    """Whether its pass was taken back. A registry that is away, or has lost its image, says nothing of that."""
    try:
        return gate_verdicts.was_withdrawn(Image(rollout.repository(), release.digest))
    except (StepFailed, Unavailable) as failure:
        print(f"{release.app_version} is taken not to be withdrawn: {failure}", file=sys.stderr)
        return False


def read_records() -> list[Recorded]:
    """The record of releases; none where MLflow refuses it, which stops no revert."""
    try:
        return release_log.read_understood()
    except StepFailed as failure:
        print(f"MLflow shows no record of releases: {failure}", file=sys.stderr)
        return []


def held_after_staging() -> list[LastRelease]:
    """What the Applications of the environments after staging hold. One that is gone holds nothing."""
    found = []
    for environment in inputs.targets():
        try:
            found.append(last_release.held(rollout.application(environment)))
        except StepFailed as failure:
            print(f"{environment} does not say what it serves: {failure}", file=sys.stderr)
    return list(filter(None, found))


def has_good_release(staging: Staging, failed: str | None) -> bool:
    """Whether there is anything that staging may go back to."""
    return next(good_releases(staging, failed), None) is not None


def first_available(good: Iterator[Served]) -> tuple[Served, list[str]]:
    """
    The first whose image the registry has or can have again, else the base image; and a sentence for each image that
    was lost.
    """
    lost = []
    for release in good:
        try:
            rebuilt = app_image.ensure(STAGING, release)
            return release, [*lost, *filter(None, [rebuilt])]
        except StepFailed as failure:
            lost.append(str(failure).rstrip("."))
    return Served(last_release.BASE, rollout.base_digest()), lost


def go_back(target: Served, place: str, why: str, running: str | None) -> None:
    """Releases the target, on record where that changes anything. Raises StepFailed when staging does not serve it."""
    changes = running != target.released_digest
    if changes:
        release = release_log.begin_way_back("revert", STAGING, target.number)
    else:
        release = release_log.opened("revert", STAGING)
    try:
        # Patching to what is there already changes nothing, and the wait ends at once: so a second run is harmless.
        restoration.restore(STAGING, target, release.mark_target_changed if release else (lambda: None))
    except StepFailed as failure:
        if release:
            release.end("broken", f"{why}; {failure}")
        raise
    last_release.hold(STAGING, target)
    if release:
        release.end("reverted", f"{why}; {outputs.BACK}{place}", target)


def settle(serves: Served, place: str) -> None:
    """The alias follows what staging serves, and no record of an interrupted release stays open."""
    model_registry.point_alias(STAGING, serves.number)
    release_log.close_interrupted(STAGING, f"staging serves {place}", serves)


def place_of(target: Served, staging: Staging) -> str:
    """How a sentence names what staging went back to."""
    if target.number:
        return target.app_version
    if may_have_passed(staging):
        return "the base image, since no other version that passed staging is left"
    return "the base image, since no version has passed staging yet"


def may_have_passed(staging: Staging) -> bool:
    """
    Whether a version has passed staging, or may have. MLflow counts on: of a number that is missing, nobody knows
    whether it passed.
    """
    versions = model_registry.all_versions()
    known = {int(version.number) for version in versions}
    is_any_missing = len(known) < max(known, default=0) or (staging.running is not None and not known)
    is_known = any(version.has_ever_passed or version.collected for version in versions)
    return is_known or is_any_missing or bool(past_passes.shown(read_records(), held_after_staging()))


def why_left(failed: str | None) -> str:
    """Why staging does not stay on what it ran, where nobody gives a reason."""
    if failed is None:
        return "what it ran has not passed staging"
    model = model_registry.find(failed)
    if model and model.is_withdrawn:
        return f"version {failed} was withdrawn: {model.why_withdrawn}"
    return f"version {failed} has not passed staging"


def unverified_version(staging: Staging) -> str | None:
    """Number of the version that staging is told to run without its having passed there, or None."""
    told = [version for version in staging.versions if version.digest == staging.running]
    return next((version.number for version in told if version.verified_digest != staging.running), None)


if __name__ == "__main__":
    step.run(main)
