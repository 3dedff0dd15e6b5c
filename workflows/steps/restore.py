"""
Puts environments right that models are promoted to, the one that is named or every one: each runs its last release, its
record says so, and its alias follows. A version that runs badly at the end of the path loses its pass. Does nothing
where all is right.
"""

import sys

from lib import alarms, gateway, inputs, outputs, restoration, rollout, step
from lib.errors import StepFailed


def main() -> None:
    done, failed = [], []
    for target in inputs.targets():
        for work in (put_right, rollout.retry_failed_sync):
            try:
                done.append(work(target))
            except StepFailed as failure:  # the other environments do not wait for this one
                print(f"Failed: {failure}", file=sys.stderr)
                failed.append(str(failure))
        gateway.try_put_right(target)
    sentences = list(filter(None, done))
    outputs.write("restored", outputs.clean("; ".join(sentences)))
    if failed:
        raise StepFailed(" ".join(dict.fromkeys(failed)))
    print("; ".join(sentences) or "Every environment runs its last release.", flush=True)


def put_right(target: str) -> str:
    """Puts an environment right, and looks at how the last one runs; returns what was done. Raises StepFailed."""
    done = [restoration.put_right(target)]
    if target == list(inputs.environments())[-1]:
        done.append(alarms.withdraw_pass(target))
    return "; ".join(filter(None, done))


if __name__ == "__main__":
    step.run(main)
