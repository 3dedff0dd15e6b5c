"""Runs the gate that GATE names: `gate-<name>.py` beside this script, by its `check(version, digest)`."""

import importlib
from pathlib import Path

import gate
import inputs

PREFIX = "gate-"


def main():
    here = Path(__file__).parent
    name = inputs.choice("GATE", sorted(script.stem.removeprefix(PREFIX) for script in here.glob(f"{PREFIX}*.py")))
    gate.judge(name, lambda *candidate: importlib.import_module(f"{PREFIX}{name}").check(*candidate))


if __name__ == "__main__":
    inputs.run(main)
