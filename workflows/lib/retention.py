"""
Which model versions keep their image and their files, and which trainings stay: a pure decision over what MLflow, the
record of releases, the environments and the Workflows say. Whoever asks for it has read all of that whole: what is
unknown is never collected.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lib import constants
from lib.counted import counted
from lib.errors import StepFailed
from lib.last_release import LastRelease, Served
from lib.model_registry import ModelVersion
from lib.release_log import Recorded
from lib.trainings import Training

DAY = 86_400_000  # milliseconds
UNDER_TEST = DAY  # so long a version may be on its way through the pipeline: see build-container-image

BEING_PUBLISHED = 3_600_000  # so long an update may take from the push of a bundle to its Application


class Limits(NamedTuple):
    """The stack's settings `pipeline.retention`."""

    days: int
    versions: int


class Environment(NamedTuple):
    """What is known of an environment: from its Application, and from the pods where the workflows see them."""

    # The digest that it is told to run, None for the base image.
    released: str | None
    # Every digest that something there runs.
    running: frozenset[str]
    held: LastRelease | None


class Facts(NamedTuple):
    """All that the decision depends on. `now` is in milliseconds since 1970."""

    versions: Sequence[ModelVersion]
    aliases: Mapping[str, str]
    environments: Mapping[str, Environment]
    records: Sequence[Recorded]
    # Versions and digests that unfinished Workflows name.
    busy: frozenset[str]
    named: frozenset[str]
    trainings: Sequence[Training]
    # Whether an unfinished Workflow trains.
    is_training: bool
    now: int


class Decision(NamedTuple):
    """
    `kept`: why, by version. `collected`: the versions that go. `digests`: the images that stay, whatever goes.
    `trainings`: those that go.
    """

    kept: Mapping[str, str]
    collected: Sequence[ModelVersion]
    digests: frozenset[str]
    trainings: Sequence[Training]


def decide(facts: Facts, limits: Limits) -> Decision:
    """Decides what goes. Raises StepFailed where the record or an environment leaves open what is in use."""
    images = _images(facts)
    require_known(facts, images)
    kept: dict[str, str] = {}
    for number, why in _reasons(facts, limits, images):
        kept.setdefault(number, why)
    by_number = sorted(facts.versions, key=lambda version: int(version.number))
    known = [version for version in by_number if not version.collected]
    staying = [version for version in known if version.number in kept]
    return Decision(
        {version.number: kept[version.number] for version in staying},
        [version for version in known if version.number not in kept],
        _digests_in_use(facts, limits) | {digest for version in staying for digest in _digests_of(version)},
        [] if _serves_what_is_gone(facts) else list(_old_trainings(facts, limits)),
    )


def _old_trainings(facts: Facts, limits: Limits) -> Iterable[Training]:
    """
    Trainings that ended before these days, and those that were cut off: with no version, or none any more. A version
    names its run, and may have its files in that of another one.
    """
    runs = {version.run for version in facts.versions}
    for training in facts.trainings:
        is_over = training.has_ended or not facts.is_training
        is_old = 0 < training.at < facts.now - limits.days * DAY
        if is_over and is_old and training.run not in runs and not _has_files_of_a_version(training, facts):
            yield training


def _has_files_of_a_version(training: Training, facts: Facts) -> bool:
    folder = training.files.rstrip("/") + "/"
    return any(f"{version.source}/".startswith(folder) for version in facts.versions)


def _serves_what_is_gone(facts: Facts) -> bool:
    """
    Whether an environment serves a version that MLflow no longer has. Its training has no version then, and its files
    are all that it could be registered from again.
    """
    known = {version.number for version in facts.versions}
    held = {one.held.served.number for one in facts.environments.values() if one.held}
    recorded = {served.number for _, served in _served_since(facts.records, facts.now)}
    return bool((held | recorded) - known - {None})


def is_settled_bundle(packed_at: int | None, now: int) -> bool:
    """Whether no update can be about to deploy a bundle; one of unknown age may be. Both in milliseconds since 1970."""
    return packed_at is not None and packed_at < now - BEING_PUBLISHED


def _images(facts: Facts) -> dict[str, str]:
    """The version of each image that is known."""
    recorded = {served.digest: served.number for record in facts.records for served in record.names if served.number}
    return recorded | {digest: version.number for version in facts.versions for digest in version.digests}


def require_known(facts: Facts, images: Mapping[str, str]) -> None:
    """
    Raises StepFailed where an environment runs what nobody knows, or the record is older than what it holds. Of staging
    the last verdicts say enough: it may hold what passed before a release that was reverted.
    """
    for name, environment in facts.environments.items():
        held = environment.held
        known = environment.released in images or (held and held.served.digest == environment.released)
        if environment.released and not known:
            unknown = f"{name} is told to run {environment.released}, and nobody knows of which version that is"
            raise StepFailed(f"{unknown}: nothing is collected. Release a model version to it.")
        served = [record for record in facts.records if record.serves and record.environment == name]
        newest = max(served, key=_time, default=None)
        is_behind = newest is None or (newest.serves != held.served and newest.at < held.at) if held else False
        if is_behind and held.served.number and name != constants.STAGING:
            behind = f"The record does not know that {name} serves {held.served.title}"
            raise StepFailed(f"{behind}: nothing is collected. cron-restore-releases puts the record right.")


def _reasons(facts: Facts, limits: Limits, images: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Version and reason of everything that keeps one, the weightiest first."""
    for name, environment in facts.environments.items():
        for digest in (environment.released, *sorted(environment.running)):
            if digest in images:
                yield images[digest], f"{name} runs it"
        if environment.held and environment.held.served.number:
            yield environment.held.served.number, f"{name} holds it as its last release"
    for alias, number in facts.aliases.items():
        yield number, f"it has the alias {alias}"
    for number in facts.busy | {images[digest] for digest in facts.named & images.keys()}:
        yield number, "an unfinished workflow names it"
    for record in facts.records:
        if not record.has_ended:
            for served in record.names:
                yield served.number or "", f"a release to {record.environment} was begun"
    passed = [version for version in facts.versions if version.verified_digest and not version.collected]
    for version in sorted(passed, key=lambda version: version.verdict_order, reverse=True)[: limits.versions]:
        yield version.number, f"it is among the last {limits.versions} that passed staging"
    for environment, served in _served_since(facts.records, facts.now - limits.days * DAY):
        yield served.number or "", f"{environment} served it in the last {counted(limits.days, 'day')}"
    for version in facts.versions:
        if version.created_at > facts.now - UNDER_TEST or not version.created_at:
            yield version.number, "it was registered in the last 24 hours"
    if facts.versions:
        yield max(facts.versions, key=lambda version: int(version.number)).number, "it is the newest version"


def _served_since(records: Sequence[Recorded], since: int) -> Iterable[tuple[str, Served]]:
    """What each environment served at some moment since then: a release serves until the next one."""
    for environment in sorted({record.environment for record in records}):
        spans = sorted((record for record in records if record.serves and record.environment == environment), key=_time)
        for place, record in enumerate(spans):
            ended = spans[place + 1].at if place + 1 < len(spans) else None
            if ended is None or ended >= since:
                yield environment, record.serves


def _digests_in_use(facts: Facts, limits: Limits) -> frozenset[str]:
    """Images that stay, whichever version they are of."""
    environments = facts.environments.values()
    served = {served.digest for _, served in _served_since(facts.records, facts.now - limits.days * DAY)}
    begun = {served.digest for record in facts.records if not record.has_ended for served in record.names}
    released = {environment.released for environment in environments if environment.released}
    held = {environment.held.served.digest for environment in environments if environment.held}
    return frozenset(served | begun | released | held | facts.named).union(*(one.running for one in environments))


def _digests_of(version: ModelVersion) -> set[str]:
    """The images of a version that stays, and the base that its image is built on again if the registry loses it."""
    return version.digests | ({version.image_base} if version.image_base else set())


def _time(record: Recorded) -> int:
    return record.at
