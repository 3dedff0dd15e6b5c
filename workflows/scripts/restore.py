"""
Puts environments back on the version that their alias is on, where a promotion was cut off before the alias moved:
the one that is named, or every one that models are promoted to. Does nothing where there is nothing to put back.
"""

import sys

import inputs
import models
import names
import outputs
import releases
import rollout
from inputs import StepFailed, Unavailable


def main():
    done = [sentence for environment in inputs.targets() if (sentence := settle(environment))]
    outputs.write("restored", outputs.clean("; ".join(done)))
    print("; ".join(done) or "Every environment runs the version of its alias.", flush=True)


def settle(environment):
    """Restores an environment if it runs something else than its alias says; returns a sentence, or None."""
    served, digest = stable(environment)
    running = rollout.released_digest(environment)
    serves = served or "base", digest or base_digest()
    if running != digest:
        release = releases.begin("restore", environment, models.alias(environment))
        sentence = back(environment)
        release.end("restored", sentence, serves)
    releases.close_interrupted(environment, f"{environment} serves {served or 'the base image'}", serves)
    return sentence if running != digest else None


def back(environment):
    """Puts an environment back on the version of its alias, or on the base image when it has none; returns a sentence."""
    served, digest = stable(environment)
    rollout.release(environment, rollout.image_override(digest) if digest else None, digest or base_digest(), served)
    return f"{environment} is back on {served or 'the base image'}"


def stable(environment):
    """App version and digest of the last promotion that was completed: (None, None) before the first."""
    version = models.alias(environment)
    if version is None:
        return None, None
    digest = models.get(version).tags.get(f"{environment}.digest")
    if not digest:
        raise StepFailed(f"The alias {environment} is on version {version}, which was never promoted there: move it in MLflow to one that was.")
    return names.app_version(version), digest


def base_digest():
    """Digest of the image that runs before the first release."""
    return inputs.image("APP_BASE_IMAGE").rpartition("@")[2]


def attempt(environment):
    """Like `back`, for somebody who has failed already: never raises, and says what became of it."""
    try:
        return f"{back(environment)}."
    except (StepFailed, Unavailable) as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        return f"{environment} was told to go back to what it ran, and has not yet: {failure}"


if __name__ == "__main__":
    inputs.run(main)
