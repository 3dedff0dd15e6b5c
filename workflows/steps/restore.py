"""
Puts environments back on the version that their alias is on, where a promotion was interrupted before the alias moved:
the one that is named, or every one that models are promoted to. Does nothing where there is nothing to put back.
"""

from lib import inputs, outputs, restoration, rollout, step


def main() -> None:
    done = []
    for target in inputs.targets():
        if sentence := restoration.restore_if_drifted(target):
            done.append(sentence)
        rollout.retry_failed_sync(target)
    outputs.write("restored", outputs.clean("; ".join(done)))
    print("; ".join(done) or "Every environment runs the version of its alias.", flush=True)


if __name__ == "__main__":
    step.run(main)
