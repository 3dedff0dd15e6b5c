"""Runs the training flow for a checked scenario, and reports what became of it."""

import os
import re
import subprocess
import sys

from lib import inputs, outputs, step

BELOW_ACCURACY_BAR = 3  # exit code of the flow

# How MLflow's client ends when the server answered 500 to the upload of an artifact, with and without its own retries.
_UPLOAD_FAILED = re.compile(
    r"/mlflow-artifacts/artifacts/.*too many 500 error responses|500 Server Error.*/mlflow-artifacts/artifacts/"
)


def main() -> int:
    scenario = inputs.scenario()
    flow = os.environ.get("FLOW", "/train/flow.py")
    last = ""
    process = subprocess.Popen(
        [sys.executable, flow, scenario],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
    code = process.wait()
    if code == BELOW_ACCURACY_BAR:
        outputs.outcome("below_accuracy_bar", last)
        return code
    if code != 0:
        outputs.outcome("broken", f"training ended with exit code {code}: {explain(last)}")
        return 1
    return 0


def explain(last: str) -> str:
    """The last line of a flow that failed, or what it means."""
    if _UPLOAD_FAILED.search(last):
        # MLflow does not say why.
        return "MLflow answered 500 to an upload: its volume may be full: npm run status says how full it is"
    return last


if __name__ == "__main__":
    step.run(main)
