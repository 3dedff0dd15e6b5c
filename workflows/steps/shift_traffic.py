"""
Watches the version in canary for as long as users may meet it, and leads a growing share of them there, step by step.
Ends by itself where no version is left to watch, its time is over, or the stack's settings are others than when it
began: the schedule runs it again.
"""

import time
from collections.abc import Callable
from pathlib import Path

from lib import events, gateway, inputs, outputs, step, traffic

INTERVAL = 10.0  # seconds between two looks at canary
# The stack's settings, a file each, as they are now: Kubernetes writes a change there within some two minutes.
SETTINGS = Path("/settings")


def main() -> None:
    settings = inputs.traffic()
    if settings is None:
        print("This stack has no gateway.", flush=True)
        return
    try:
        # It counts from the beginning of the Workflow: a pod that takes the place of a lost one gets no more time.
        until = inputs.time("WATCH_BEGAN") + inputs.number("WATCH_SECONDS", 0, 86400)
        split = follow(settings, until, written_settings)
    except gateway.RouteGone as gone:
        # The schedule comes back every two minutes, and one Event is enough.
        events.warn_of_state(settings.production.environment, "RouteGone", str(gone))
        end(str(gone), is_withdrawn=False)
    except gateway.ApplicationGone as gone:
        end(str(gone), is_withdrawn=False)
    else:
        is_withdrawn = bool(split and split.withdrawn)
        end(f"{traffic.sentence(split, settings.canary, settings.production)}.", is_withdrawn)


def follow(
    settings: inputs.Traffic,
    until: float,
    written: Callable[[], dict[str, str]],
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> traffic.Split | None:
    """
    Looks at canary, and takes each step whose time has come. Returns the last look's split once no version is left to
    watch, the settings that are `written` are others than at first, or the next look would be later than `until`, in
    seconds since 1970 by `clock`. It looks at least once.
    """
    begun_with = written()
    while True:
        split = gateway.put_right(settings, watch=True)
        if split is None or split.withdrawn or clock() + INTERVAL > until:
            return split
        sleep(INTERVAL)
        if written() != begun_with:
            print("The stack's settings have changed: the next watch goes by them.", flush=True)
            return split


def written_settings(folder: Path = SETTINGS) -> dict[str, str]:
    """The stack's settings as they are now, by key; none where the step is run by hand."""
    try:
        # Kubernetes' own have a dot in front.
        return {file.name: file.read_text() for file in folder.glob("[!.]*")}
    except FileNotFoundError:
        return {}  # Kubernetes is writing others at this moment


def end(sentence: str, is_withdrawn: bool) -> None:
    """Says what the look came to, to people and to the workflow, which aborts a version that was withdrawn."""
    outputs.write("withdrawn", "yes" if is_withdrawn else "no")
    print(sentence, flush=True)


if __name__ == "__main__":
    step.run(main)
