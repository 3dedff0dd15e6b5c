"""Runs the training flow for a checked scenario, and reports what became of it."""

import os
import subprocess
import sys

from lib import inputs, outputs, step

BELOW_ACCURACY_BAR = 3  # exit code of the flow


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
        outputs.outcome("broken", f"training ended with exit code {code}: {last}")
        return 1
    return 0


if __name__ == "__main__":
    step.run(main)
