"""
Takes a version out of canary that no user meets any more: its pass is withdrawn, so that nothing is promoted or
reverted to it, and canary goes back to what production serves. Does nothing where canary runs another version by now,
or production runs the same one.
"""

from lib import (
    disagreement,
    events,
    gateway,
    inputs,
    last_release,
    model_registry,
    outputs,
    release_log,
    restoration,
    restore_time,
    step,
)
from lib.errors import StepFailed
from lib.inputs import Traffic
from lib.last_release import Served
from lib.release_log import Release, Unrecorded
from lib.traffic import Split


def main() -> None:
    began = release_log.milliseconds()
    settings = inputs.traffic()
    split = gateway.withdrawn(settings) if settings else None
    ended = end_interrupted(settings) if settings and split is None else None
    if settings is None or (split is None and ended is None):
        print("No version that users meet is withdrawn.", flush=True)
        return
    sentence = take_out(settings, split) if split else ended
    if sentence:
        restore_time.tell(began, [settings.canary.environment])
        outputs.write("reason", outputs.clean(sentence))
    gateway.try_put_right(settings.canary.environment)


def take_out(settings: Traffic, split: Split) -> str | None:
    """Takes a version out of canary; returns a sentence, or None where production serves the version meanwhile."""
    production = gateway.released(settings.production.environment)
    if production is None:
        later = f"{settings.canary.environment} goes back when the schedule looks again"
        raise StepFailed(f"{settings.production.environment} is between two releases: {later}.")
    canary = gateway.released(settings.canary.environment)
    if canary and canary.served == production.served:
        print(f"{split.version} went to {settings.production.environment} meanwhile: it stays in both.", flush=True)
        return None
    return abort(settings.canary.environment, split, production.served)


def abort(canary: str, split: Split, good: Served) -> str:
    """Puts canary back on what production serves; returns a sentence. Raises StepFailed when it does not come to it."""
    version = split.version.rpartition(".")[2]
    release = release_log.begin_way_back("abort", canary, version, disagreement.record(split), split.digest)
    try:
        gateway.withdraw_pass(split)
        restoration.restore(canary, good, release.mark_target_changed)
        last_release.hold(canary, good)
        model_registry.point_alias(canary, good.number)
    except StepFailed as failure:
        release.end("broken", failure)
        raise
    sentence = f"{split.version} was withdrawn: {split.withdrawn}; {canary} is back on {good.title}"
    tell(canary, release, sentence, good)
    return sentence


def end_interrupted(settings: Traffic) -> str | None:
    """
    Ends an abort of this Workflow that was interrupted once canary held what production serves, since nothing else
    shows by then that it is not done; returns its sentence, or None where there is none.
    """
    environment = settings.canary.environment
    release = release_log.opened("abort", environment)
    if release is None:
        return None
    canary, production = gateway.released(environment), gateway.released(settings.production.environment)
    if canary is None or production is None or canary.served != production.served:
        return None
    app_version, digest = release.tags.get("app_version", ""), release.tags.get("digest", "")
    if last_release.served(app_version, digest) == canary.served:
        return None
    model_registry.point_alias(environment, canary.served.number)
    why = gateway.withdrawal(environment, app_version)
    sentence = f"{app_version} was withdrawn{f': {why}' if why else ''}; {environment} is back on {canary.served.title}"
    tell(environment, release, sentence, canary.served)
    return sentence


def tell(canary: str, release: Release | Unrecorded, sentence: str, good: Served) -> None:
    """Ends the record of an abort, and tells of it."""
    release.end("aborted", sentence, good)
    events.warn(canary, "Aborted", sentence)
    print(sentence, flush=True)


if __name__ == "__main__":
    step.run(main)
