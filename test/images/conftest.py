"""Small real ONNX models, made here, and the app on one of them."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "images/app"), str(ROOT / "images/train")]


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
    from server import create_app

    return lambda: create_app(tmp_path).test_client()
