"""Small real ONNX models, made here, and the app on one of them."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "images/app/server.py"
# Where bytecode is kept: where the whole run keeps it, else nowhere.
BYTECODE = {"PYTHONPYCACHEPREFIX": sys.pycache_prefix} if sys.pycache_prefix else {"PYTHONDONTWRITEBYTECODE": "1"}
sys.dont_write_bytecode = sys.pycache_prefix is None
sys.path[:0] = [str(ROOT / "images/app"), str(ROOT / "images/train")]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "load: loads the app for many seconds; `npm run test:load` runs it by itself")


def onnx_model(path: Path, outputs=11, side=224, weights=None, kind=TensorProto.FLOAT, batch="N") -> Path:
    """Global mean of each colour, then one linear layer: [batch, 3, side, side] to [batch, outputs]."""
    weights = np.eye(3, outputs, dtype=np.float32) if weights is None else weights
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["picture"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["float"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["scores"]),
        ],
        "food11",
        [helper.make_tensor_value_info("picture", kind, [batch, 3, side, side])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, outputs])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def client(tmp_path):
    """A client of the app on what the test put into `tmp_path`; call it once that is there."""
    from answers import Answers
    from metrics import Metrics
    from server import create_app, model_in

    def make():
        answers = Answers("none", "unknown", 0)
        return create_app(tmp_path, model_in(tmp_path, answers), Metrics("none", "unknown"), answers).test_client()

    return make


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class App:
    """
    The app as a process of its own, as in its container, on the files of a folder. `before`: what its process does with
    the module `server` first.
    """

    def __init__(self, folder: Path, before: str = "", **env: str) -> None:
        self.port, self.metrics_port = free_port(), free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        ports = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "METRICS_PORT": str(self.metrics_port),
            "DRAIN_SECONDS": "0",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"import server\n{before}\nserver.main()"] if before else [sys.executable, SERVER],
            cwd=folder,
            env=os.environ | BYTECODE | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(SERVER.parent)} | ports | env,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline().startswith("listening on")

    def peak(self) -> int:
        """Bytes of memory that the process has held at most, or since `forget_peak`."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))

    def open_files(self) -> list[tuple[Path, str]]:
        """What the process has open, each as its entry in /proc and what that leads to."""
        found = []
        for entry in Path(f"/proc/{self.process.pid}/fd").iterdir():
            # The app goes on, and closes files while they are listed.
            with contextlib.suppress(FileNotFoundError):
                found.append((entry, os.readlink(entry)))
        return found

    def forget_peak(self) -> None:
        """Has the peak counted from now on."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def get(
        self, path: str, timeout: float = 30, method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, and body of an answer. `X_Probe="gate"` sends the header `X-Probe: gate`."""
        return self._ask(
            method, path, None, {name.replace("_", "-"): value for name, value in headers.items()}, timeout
        )

    def predict(self, picture: bytes, timeout: float = 60) -> tuple[int, dict]:
        """Status and JSON of the answer to a picture."""
        body = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="dish"\r\n\r\n' + picture + b"\r\n--b--\r\n"
        )
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        status, _, answer = self._ask("POST", "/predict", body, kind, timeout)
        return status, json.loads(answer)

    def scrape(self, path: str = "/metrics", timeout: float = 10) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, and body of an answer of the metrics' port."""
        return self._ask("GET", path, None, {}, timeout, self.metrics_port)

    def end(self) -> int:
        """Ends it as Kubernetes does, and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        timeout: float,
        port: int | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


def refusal(folder: Path, **env: str) -> tuple[int, str]:
    """Exit code and last words of an app that does not start with these settings."""
    done = subprocess.run(
        [sys.executable, ROOT / "images/app/server.py"],
        cwd=folder,
        env=os.environ | BYTECODE | {"HOST": "127.0.0.1", "PORT": "0", "METRICS_PORT": "0"} | env,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stderr


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Starts the app on `tmp_path`. At the end of the test it has to end well, unless the test ended it."""
    started: list[App] = []

    def start(**env: str) -> App:
        started.append(App(tmp_path, **env))
        return started[-1]

    yield start
    for app in started:
        if app.process.poll() is None:
            assert app.end() == 0
