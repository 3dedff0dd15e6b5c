"""The version that an environment was last promoted to, and the way back to it."""

import sys

from lib import constants, model_registry, release_log, rollout
from lib.errors import StepFailed, Unavailable
from lib.release_log import Served


def last_promoted(environment: str) -> Served | None:
    """
    What the last promotion that was completed put there, by the environment's alias; None before the first. Raises
    StepFailed when the alias is on a version that was never promoted there.
    """
    version = model_registry.alias(environment)
    if version is None:
        return None
    digest = model_registry.get(version).tags.get(f"{environment}.digest")
    if not digest:
        never = f"The alias {environment} is on version {version}, which was never promoted there"
        raise StepFailed(f"{never}: move it in MLflow to one that was.")
    return Served(constants.app_version(version), digest)


def restore(environment: str) -> str:
    """
    Puts an environment back on the version of its alias, or on the base image when it has none; returns a sentence.
    Raises StepFailed when it does not come to serve it.
    """
    good = last_promoted(environment)
    if good:
        rollout.release(environment, rollout.image_override(good.digest), good.digest, good.app_version)
    else:
        rollout.release(environment, None, rollout.base_digest(), None)
    return f"{environment} is back on {good.app_version if good else 'the base image'}"


def try_restore(environment: str) -> str:
    """Like `restore`, for somebody who has failed already: never raises, and returns what became of it."""
    try:
        return f"{restore(environment)}."
    except (StepFailed, Unavailable) as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        return f"{environment} was told to go back to what it ran, and has not yet: {failure}"


def restore_if_drifted(environment: str) -> str | None:
    """Restores an environment if it runs something else than its alias says; returns a sentence, or None."""
    good = last_promoted(environment)
    running = rollout.released_digest(environment)
    serves = good or Served("base", rollout.base_digest())
    sentence = None
    if running != (good.digest if good else None):
        release = release_log.begin("restore", environment, model_registry.alias(environment))
        sentence = restore(environment)
        release.end("restored", sentence, serves)
    served = good.app_version if good else "the base image"
    release_log.close_interrupted(environment, f"{environment} serves {served}", serves)
    return sentence
