"""The app's memory against the 256Mi of its Deployment, measured on the real process."""

import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

LIMIT = 256 * 2**20


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
    app = serve()

    def ask(_):
        return urllib.request.urlopen(f"{app.address}/test").status

    ask(0)
    before = app.peak()
    with ThreadPoolExecutor(10) as many:
        assert set(many.map(ask, range(100))) == {200}
    assert app.peak() - before < 48 * 2**20
    assert app.peak() < LIMIT * 0.75


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
    assert serve().peak() > LIMIT
