"""Runs the training flow for a checked scenario, and says what became of it."""

import os
import subprocess
import sys

import inputs
import outputs

BELOW_THE_BAR = 3


def main():
    scenario = inputs.scenario()
    flow = os.environ.get("FLOW", "/train/flow.py")
    last = ""
    process = subprocess.Popen([sys.executable, flow, scenario], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
    code = process.wait()
    if code == BELOW_THE_BAR:
        outputs.outcome("refused", last)
        return code
    if code != 0:
        outputs.outcome("broken", f"training ended with exit code {code}: {last}")
        return 1
    return 0


if __name__ == "__main__":
    inputs.run(main)
