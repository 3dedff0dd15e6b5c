"""
Leads a growing share of the users to the version in canary, step by step, for as long as there is a step to come. Ends
where there is none, or promotions are frozen: the schedule runs it again.
"""

import time

from lib import events, freeze, gateway, inputs, outputs, step, traffic

INTERVAL = 10.0  # seconds between two looks at canary


def main() -> None:
    settings = inputs.traffic()
    if settings is None:
        print("This stack has no gateway.", flush=True)
        return
    try:
        split = follow(settings)
    except gateway.RouteGone as gone:
        # The schedule comes back every two minutes, and one Event is enough.
        events.warn_of_state(settings.production.environment, "RouteGone", str(gone))
        end(str(gone), is_withdrawn=False)
    except gateway.ApplicationGone as gone:
        end(str(gone), is_withdrawn=False)
    else:
        is_withdrawn = bool(split and split.withdrawn)
        end(f"{traffic.sentence(split, settings.production.environment)}.", is_withdrawn)


def follow(settings: inputs.Traffic) -> traffic.Split | None:
    """Takes each step whose time has come; returns the split at which nothing is left to do."""
    while True:
        split = gateway.put_right(settings, watch=True)
        if split is None or split.withdrawn or split.percent >= settings.steps[-1] or freeze.reason():
            return split
        time.sleep(INTERVAL)


def end(sentence: str, is_withdrawn: bool) -> None:
    """Says what the look came to, to people and to the workflow, which aborts a version that was withdrawn."""
    outputs.write("withdrawn", "yes" if is_withdrawn else "no")
    print(sentence, flush=True)


if __name__ == "__main__":
    step.run(main)
