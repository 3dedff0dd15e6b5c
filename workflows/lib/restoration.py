"""
Puts an environment right that models are promoted to: it runs its last release, its record says so, and its alias in
MLflow follows. What nothing is known of is left as it is.
"""

import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lib import app_image, events, instant, last_release, model_registry, release_log, rollout
from lib.argocd import released_digest
from lib.errors import StepFailed, Unavailable
from lib.last_release import LastRelease, Served
from lib.release_log import Release, Unrecorded


def restore(environment: str, good: Served, on_change: Callable[[], object]) -> str:
    """
    Puts an environment back on what it served; returns a sentence. `on_change` is called as soon as it was told. Raises
    StepFailed when it does not come to it.
    """
    if good.released_digest:
        rollout.release(environment, rollout.image_override(good.digest), good.digest, good.app_version, on_change)
    else:
        rollout.release(environment, None, rollout.base_digest(), None, on_change)
    return f"{environment} is back on {good.title}"


def try_restore(environment: str, failed: Release) -> str:
    """
    Puts an environment back after a release that failed, for somebody who has failed already: never raises, and returns
    what became of it. An environment that was told nothing stays as it is.
    """
    if not failed.has_changed_target:
        return f"{environment} was not changed."
    try:
        good = _last_without_patience(environment)
        if good is None:
            return f"{environment} is left as it is: nothing is known of a release before this one."
        return f"{restore(environment, good.served, failed.mark_target_changed)}."
    except (StepFailed, Unavailable) as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        return f"{environment} was told to go back to what it ran, and has not yet: {failure}"


def _last_without_patience(environment: str) -> LastRelease | None:
    """The last release. What the Application holds is enough, so that an MLflow that is away stops no way back."""
    kept = last_release.held(rollout.application(environment))
    try:
        return last_release.decide(release_log.last_served(environment), kept)
    except (StepFailed, Unavailable):
        if kept is None:
            raise
        return kept


class Found(NamedTuple):
    """
    What became of an environment. `done`: what was put right, None where nothing was. `lost`: what it goes on serving
    although MLflow no longer has it, or None.
    """

    done: str | None
    lost: Served | None = None


def put_right(environment: str) -> Found:
    """
    Puts right what differs from the environment's last release. Raises StepFailed when the environment does not come to
    serve it.
    """
    application = rollout.application(environment)
    running, recorded = released_digest(application), release_log.last_served(environment)
    kept = last_release.held(application)
    good = last_release.decide(recorded, kept)
    if good is None:
        return Found(_leave(environment, running))
    wrong_alias, rebuilt = _wrong_alias(environment, good.served), rebuild_lost_image(environment, good.served)
    has_no_record = (recorded is None or recorded.served != good.served) and good.served.number is not None
    sentence = None
    if running != good.served.released_digest or has_no_record or wrong_alias or rebuilt:
        release = release_log.begin_way_back("restore", environment, good.served.number)
        try:
            done = _correct(environment, good, running, has_no_record, wrong_alias, release)
            sentence = "; ".join([*filter(None, [rebuilt]), *done])
        except StepFailed as failure:
            release.end("broken", failure)
            raise
        release.end("restored", sentence, good.served)
        events.warn(environment, "Restored", sentence)
    if kept is None or kept.served != good.served:
        last_release.hold(environment, good.served, good.at)
    release_log.close_interrupted(environment, f"{environment} serves {good.served.title}", good.served)
    return Found(sentence, good.served if _is_lost(good.served) else None)


def _leave(environment: str, running: str | None) -> str | None:
    if running is None:
        return None
    unknown = f"{environment} runs {running}, and neither its Application nor MLflow says by which release"
    sentence = f"{unknown}: it is left as it is. Promote a model version to it."
    events.warn_of_state(environment, "UnknownRelease", sentence)
    return sentence


def _wrong_alias(environment: str, good: Served) -> str | None:
    """
    What is wrong with the alias and can be put right, or None. An alias cannot follow to a version that is gone: then
    it is right on none.
    """
    version = model_registry.alias(environment)
    if version == good.number or (version is None and _is_lost(good)):
        return None
    return f"the alias {environment} was on {f'version {version}' if version else 'no version'}"


def _is_lost(good: Served) -> bool:
    """Whether MLflow no longer has what an environment serves."""
    return good.number is not None and not model_registry.exists(good.number)


def tell_versions_lost(lost: Mapping[str, Served]) -> None:
    """Says that MLflow no longer has what environments serve, once for each version. `lost`: by environment."""
    for number in dict.fromkeys(served.number for served in lost.values()):
        environments = [name for name, served in lost.items() if served.number == number]
        who = ", ".join(environments[:-1]) + " and " + environments[-1] if len(environments) > 1 else environments[0]
        goes_on = "serve: they go on serving it" if len(environments) > 1 else "serves: it goes on serving it"
        sentence = f"MLflow no longer has version {number}, which {who} {goes_on}"
        print(sentence, flush=True)
        events.warn_of_state(environments[0], "VersionLost", sentence)


def rebuild_lost_image(environment: str, good: Served) -> str | None:
    """Builds the image again that the registry lost; returns what was done. What serves keeps serving in any case."""
    try:
        return app_image.ensure(environment, good)
    except StepFailed as failure:
        print(failure, flush=True)
        events.warn_of_state(environment, "ImageLost", str(failure))
        return None


def _date(environment: str, release: LastRelease) -> None:
    """
    Writes on a version when it was released, which its soak begins at: a promotion that was interrupted before it came
    to that leaves nothing, or the time of another image of the same version.
    """
    number = release.served.number
    if number and model_registry.exists(number):
        model_registry.tag(number, **{f"{environment}__promoted_at": instant.timestamp(release.at // 1000)})


def _correct(
    environment: str,
    release: LastRelease,
    running: str | None,
    has_no_record: bool,
    wrong_alias: str | None,
    record: Release | Unrecorded,
) -> list[str]:
    """Does what `put_right` found; returns what was done."""
    good, done = release.served, []
    if running != good.released_digest:
        done.append(restore(environment, good, record.mark_target_changed))
    if has_no_record:
        _date(environment, release)
        done.append(f"the record of {environment}, which serves {good.title}, was lost and is made anew")
    if wrong_alias:
        model_registry.point_alias(environment, good.number)
        gone = f"is taken off, since MLflow no longer has {good.title}"
        done.append(f"{wrong_alias}, and {gone if _is_lost(good) else f'follows {good.title} again'}")
    return done
