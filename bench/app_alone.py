"""
Runs the app as a process of its own, with a model of a MobileNetV2's size, until the standard input ends. Prints its
address and that of its metrics, as JSON. PYTHONPATH has the folder `test/images`.
"""

import json
import sys
import tempfile
from pathlib import Path

from conftest import App
from test_limits import heavy_model

with tempfile.TemporaryDirectory() as folder:
    heavy_model(Path(folder, "food11.onnx"))
    Path(folder, "versions.txt").write_text("1.0.1\n")
    app = App(Path(folder))
    addresses = {"app": app.address, "metrics": f"http://127.0.0.1:{app.metrics_port}/metrics"}
    print(json.dumps(addresses), flush=True)
    sys.stdin.read()
    app.end()
