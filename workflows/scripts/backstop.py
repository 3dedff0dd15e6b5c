"""
Runs when a workflow ends without having acted on a verdict: a broken step, a deadline, a person's stop.
If staging is left on a version that has not passed, it goes back. Otherwise nothing is deployed.
"""

import children
import conclude
import inputs
import models
import outputs
import rollout
from inputs import StepFailed


def main():
    version, workflow = inputs.version(), children.own()
    try:
        children.require_lock(workflow)
        settle(version, workflow)
    except children.LockLost as lost:
        print(lost)
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise


def settle(version, workflow):
    model, released = models.get(version), rollout.released_digest("staging")
    if model.verified_digest and (released == model.verified_digest or released != model.digest):
        print(f"Version {version} passed staging; what staging runs now is not for this workflow to change.")
        return
    reason = f"the workflow ended before a verdict was acted on: {children.explain(workflow)}"
    # A verdict of this very run says more than that its workflow ended.
    judged = model.tags.get("staging.verdict_at", "") >= workflow["metadata"]["creationTimestamp"]
    if not judged:
        models.tag(version, staging__verdict="inconclusive", staging__reason=outputs.clean(reason), staging__verdict_at=models.now())
    if released is None or model.digest != released:
        outputs.outcome("broken", f"{reason}; staging was not told to run version {version}")
        return
    ended = conclude.start_revert(version, reason, purpose="backstop")
    outputs.outcome("inconclusive", f"{reason}; {children.output(ended, 'reason')}")


if __name__ == "__main__":
    inputs.run(main)
