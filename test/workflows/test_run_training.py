"""run_training.py: what the exit code of the flow comes to."""

import pytest

FLOWS = {  # what flow.py does: (exit code of the step, outcome)
    "open('{out}/version', 'w').write('7')": (0, None),
    "print('accuracy 0.41 is below the bar of 0.60'); sys.exit(3)": (3, "below_accuracy_bar"),
    "raise MemoryError('no memory')": (1, "broken"),
    "sys.stdout.buffer.write(bytes([255, 10])); sys.exit(3)": (3, "below_accuracy_bar"),
}

UPLOAD = "http://mlflow:8000/api/2.0/mlflow-artifacts/artifacts/1/a/artifacts/model/food11.onnx"
FAILED_UPLOADS = [  # the last line of MLflow's client 3.17.2
    f"mlflow.exceptions.MlflowException: API request to {UPLOAD} failed with exception "
    "HTTPConnectionPool(host='mlflow', port=8000): Max retries exceeded with url: "
    f"{UPLOAD.removeprefix('http://mlflow:8000')} (Caused by ResponseError('too many 500 error responses'))",
    f"requests.exceptions.HTTPError: 500 Server Error: Internal Server Error for url: {UPLOAD}. "
    "Response text: Internal Server Error",
]


@pytest.mark.parametrize("flow", FLOWS)
def test_training(world, tmp_path, flow):
    script = tmp_path / "flow.py"
    script.write_text(f"import sys\nassert sys.argv[1:] == ['oversized']\n{flow.format(out=world.out)}\n")
    done = world.run("run_training", SCENARIO="oversized", FLOW=str(script))
    code, outcome = FLOWS[flow]
    assert done.returncode == code and world.output("outcome") == outcome
    if "0.41" in flow:
        assert world.output("reason") == "accuracy 0.41 is below the bar of 0.60"


def ended_with(world, tmp_path, last):
    script = tmp_path / "flow.py"
    script.write_text(f"import sys\nprint({last!r})\nsys.exit(1)\n")
    assert world.run("run_training", SCENARIO="normal", FLOW=str(script)).returncode == 1
    return world.output("reason")


@pytest.mark.parametrize("last", FAILED_UPLOADS)
def test_an_upload_that_mlflow_failed_leads_to_its_volume(world, tmp_path, last):
    assert ended_with(world, tmp_path, last) == (
        "training ended with exit code 1: MLflow answered 500 to an upload: its volume may be full: "
        "npm run status says how full it is"
    )


@pytest.mark.parametrize(
    "last",
    [
        FAILED_UPLOADS[0].replace("500", "503"),
        FAILED_UPLOADS[1].replace("500 Server Error", "403 Client Error"),
        FAILED_UPLOADS[0].replace("mlflow-artifacts/artifacts", "mlflow/runs"),
    ],
)
def test_another_failure_is_told_as_it_is(world, tmp_path, last):
    assert ended_with(world, tmp_path, last).startswith(f"training ended with exit code 1: {last[:100]}")
