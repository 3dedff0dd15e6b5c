"""
Runs when a workflow ends without having acted on a verdict: a broken step, a deadline, a person's stop.
If staging is left on a version that has not passed, it goes back. Otherwise nothing happens.
"""

import conclude
import inputs
import models
import outputs
import rollout
from inputs import StepFailed


def main():
    version = inputs.version()
    try:
        model = models.get(version)
        released = rollout.released_digest("staging")
        if model.verified_digest and model.verified_digest == released:
            print(f"Version {version} passed staging and stays there.")
            return
        if released is None or model.digest != released:
            print(f"Staging was never told to run version {version}, or no longer is.")
            return
        reason = "the workflow ended before a verdict was acted on"
        if model.tags.get("staging.verdict") != "fail":
            models.tag(version, staging__verdict="inconclusive", staging__reason=reason, staging__verdict_at=models.now())
        ended = conclude.start_revert(version, reason, purpose="backstop")
        outputs.outcome("inconclusive", f"{reason}; {conclude.children.output(ended, 'reason')}")
    except StepFailed as failure:
        outputs.outcome("broken", failure)
        raise


if __name__ == "__main__":
    inputs.run(main)
