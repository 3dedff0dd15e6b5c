"""The registry, through crane."""

import subprocess

import outputs
from inputs import StepFailed, Unavailable

# What crane says when the registry, or the way to it, is not there.
AWAY = ("connection refused", "connection reset", "no such host", "i/o timeout", "no route to host", "status code 502", "status code 503", "status code 504")


def crane(*args):
    """Output of a crane command; raises Unavailable when the registry does not answer, else StepFailed, in one sentence."""
    done = subprocess.run(["crane", *args], capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    kind = Unavailable if any(sign in done.stderr for sign in AWAY) else StepFailed
    raise kind(f"crane {args[0]} failed: {outputs.clean(done.stderr[-300:])}")
