"""The registry, through crane."""

import subprocess

import away
import outputs
from inputs import StepFailed, Unavailable

# What crane says when there is a way to the registry, but no registry behind it.
AWAY = ("status code 502", "status code 503", "status code 504")


def crane(*args):
    """Output of a crane command; raises Unavailable when the registry does not answer, else StepFailed, in one sentence."""
    done = subprocess.run(["crane", *args], capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.strip().rpartition("\n")[2]  # what it tried before that is on the lines above
    kind = Unavailable if away.says(said, *AWAY) else StepFailed
    raise kind(f"crane {args[0]} failed: {outputs.clean(said[-300:])}")
