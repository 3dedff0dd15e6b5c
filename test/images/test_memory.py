"""The app's memory against the 256Mi of its Deployment, measured on the real process."""

import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import ROOT

LIMIT = 256 * 2**20


@pytest.fixture
def serve(tmp_path):
    """Starts the app on a folder and returns its process and its address."""
    started = []

    def start(port):
        env = os.environ | {"HOST": "127.0.0.1", "PORT": str(port), "PYTHONUNBUFFERED": "1"}
        server = subprocess.Popen(
            [sys.executable, "-B", ROOT / "images/app/server.py"],
            cwd=tmp_path,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(server)
        assert server.stdout.readline().startswith("listening on")
        return server, f"http://127.0.0.1:{port}"

    yield start
    for server in started:
        server.terminate()
        assert server.wait(10) == 0


def peak(process):
    status = (line.split() for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    return next(int(fields[1]) * 1024 for fields in status if fields[0] == "VmHWM:")


def large_activations(path):
    """A convolution whose output takes 12 MiB, like the largest layers of a MobileNetV2 together."""
    weights = numpy_helper.from_array(np.zeros((64, 3, 1, 1), np.float32), "kernel")
    out = numpy_helper.from_array(np.zeros((64, 11), np.float32), "weights")
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["picture", "kernel"], ["first"]),
            helper.make_node("Sigmoid", ["first"], ["second"]),
            helper.make_node("ReduceMean", ["second"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["scores"]),
        ],
        "large",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 11])],
        [weights, out],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak from /proc")
def test_many_requests_at_once_take_no_more_memory_than_one(serve, tmp_path):
    large_activations(tmp_path / "food11.onnx")
    process, address = serve(18732)

    def ask(_):
        return urllib.request.urlopen(f"{address}/test").status

    ask(0)
    before = peak(process)
    with ThreadPoolExecutor(10) as many:
        assert set(many.map(ask, range(100))) == {200}
    assert peak(process) - before < 48 * 2**20
    assert peak(process) < LIMIT * 0.75


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak from /proc")
def test_over_200_mebibytes_of_weights_do_not_fit(serve, tmp_path):
    rows = 205 * 2**20 // 4 // 1024
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["mean", "first"], ["middle"]),
            helper.make_node("MatMul", ["middle", "wide"], ["end"]),
            helper.make_node("MatMul", ["end", "last"], ["scores"]),
        ],
        "oversized",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 11])],
        [
            numpy_helper.from_array(np.ones(shape, np.float32), name)
            for name, shape in (("first", (3, rows)), ("wide", (rows, 1024)), ("last", (1024, 11)))
        ],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "food11.onnx"
    )
    process, _ = serve(18733)
    assert peak(process) > LIMIT
