"""
Puts environments right that models are promoted to, the one that is named or every one: each runs its last release, its
record says so, and its alias follows. A version that runs badly there loses its pass. Does nothing where all is right.
After a promotion that people were asked to approve, nobody can respond to its request any more.
"""

import sys

from lib import (
    alarms,
    approval,
    child_workflows,
    gateway,
    inputs,
    outputs,
    release_log,
    restoration,
    restore_time,
    rollout,
    step,
)
from lib.errors import StepFailed
from lib.restoration import Found


def main() -> None:
    began = release_log.milliseconds()
    done, failed, lost = [], [], {}
    for target in inputs.targets():
        for work in (put_right, rollout.retry_failed_sync):
            try:
                found = work(target)
            except StepFailed as failure:  # the other environments do not wait for this one
                print(f"Failed: {failure}", file=sys.stderr)
                failed.append(str(failure))
                continue
            if found:
                done.append(found.done)
                lost |= {target: found.lost} if found.lost else {}
        gateway.try_put_right(target)
    try:
        void_request()
    except StepFailed as failure:
        failed.append(str(failure))
    restoration.tell_versions_lost(lost)
    restore_time.tell(began, inputs.targets())
    sentences = list(filter(None, done))
    outputs.write("restored", outputs.clean("; ".join(sentences)))
    if failed:
        raise StepFailed(" ".join(dict.fromkeys(failed)))
    print("; ".join(sentences) or "Every environment runs its last release.", flush=True)


def put_right(target: str) -> Found:
    """Puts an environment right, and looks at how it runs. Raises StepFailed."""
    found = restoration.put_right(target)
    return found._replace(done="; ".join(filter(None, [found.done, alarms.withdraw_pass(target)])))


def void_request() -> None:
    """
    Closes the request of this Workflow that still waits: who answers it would decide nothing. Only the exit handler of
    a promotion is told what people approve. Raises StepFailed.
    """
    if any(target in inputs.approval() for target in inputs.targets()):
        approval.void_waiting(child_workflows.current()["metadata"]["name"], "its promotion was stopped")


if __name__ == "__main__":
    step.run(main)
