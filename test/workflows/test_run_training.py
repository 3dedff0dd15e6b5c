"""run_training.py: what the exit code of the flow comes to."""

import pytest

FLOWS = {  # what flow.py does: (exit code of the step, outcome)
    "open('{out}/version', 'w').write('7')": (0, None),
    "print('accuracy 0.41 is below the bar of 0.60'); sys.exit(3)": (3, "below_accuracy_bar"),
    "raise MemoryError('no memory')": (1, "broken"),
    "sys.stdout.buffer.write(bytes([255, 10])); sys.exit(3)": (3, "below_accuracy_bar"),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_training(world, tmp_path, flow):
    script = tmp_path / "flow.py"
    script.write_text(f"import sys\nassert sys.argv[1:] == ['oversized']\n{flow.format(out=world.out)}\n")
    done = world.run("run_training", SCENARIO="oversized", FLOW=str(script))
    code, outcome = FLOWS[flow]
    assert done.returncode == code and world.output("outcome") == outcome
    if "0.41" in flow:
        assert world.output("reason") == "accuracy 0.41 is below the bar of 0.60"
