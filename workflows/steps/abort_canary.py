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
from lib.last_release import Served
from lib.traffic import Split


def main() -> None:
    began = release_log.milliseconds()
    settings = inputs.traffic()
    split = gateway.withdrawn(settings) if settings else None
    if settings is None or split is None:
        print("No version that users meet is withdrawn.", flush=True)
        return
    production = gateway.released(settings.production.environment)
    if production is None:
        later = f"{settings.canary.environment} goes back when the schedule looks again"
        raise StepFailed(f"{settings.production.environment} is between two releases: {later}.")
    canary = gateway.released(settings.canary.environment)
    if canary and canary.served == production.served:
        print(f"{split.version} went to {settings.production.environment} meanwhile: it stays in both.", flush=True)
        gateway.try_put_right(settings.canary.environment)
        return
    sentence = abort(settings.canary.environment, split, production.served)
    restore_time.tell(began, [settings.canary.environment])
    outputs.write("reason", outputs.clean(sentence))
    gateway.try_put_right(settings.canary.environment)


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
    release.end("aborted", sentence, good)
    events.warn(canary, "Aborted", sentence)
    print(sentence, flush=True)
    return sentence


if __name__ == "__main__":
    step.run(main)
