"""
Runs the app with a model of a MobileNetV2's size, until the standard input ends. Prints its address and that of its
metrics, as JSON. PYTHONPATH has the folders `test/images` and
`images/app`.

    app_alone.py           as in its container: a process of its own
    app_alone.py before    as it was served before it had a listener of its own, and without metrics
"""

import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import waitress

from answers import Answers
from conftest import App
from metrics import Metrics
from server import create_app
from test_limits import heavy_model


def today(folder: Path) -> tuple[dict[str, str], Callable[[], object]]:
    """Starts the app on a folder. Gives its addresses, and what ends it."""
    app = App(folder)
    return {"app": app.address, "metrics": f"http://127.0.0.1:{app.metrics_port}/metrics"}, app.end


def before(folder: Path) -> tuple[dict[str, str], Callable[[], object]]:
    """Serves the same WSGI app by waitress alone, with the arguments that the app gave it then."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    app = create_app(folder, Metrics("1.0.1", "unknown"), Answers("1.0.1", "unknown", 0))
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=8, connection_limit=200, ident=None)
    threading.Thread(target=server.run, daemon=True).start()
    return {"app": f"http://127.0.0.1:{server.effective_port}"}, lambda: None


with tempfile.TemporaryDirectory() as temporary:
    heavy_model(Path(temporary, "food11.onnx"))
    Path(temporary, "versions.txt").write_text("1.0.1\n")
    addresses, end = (before if sys.argv[1:] == ["before"] else today)(Path(temporary))
    print(json.dumps(addresses), flush=True)
    sys.stdin.read()
    end()
# Not the end of the interpreter, which waits for the threads of waitress.
os._exit(0)
