from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from kaname.errors import Refused
from kaname.inference import Session


def adder() -> bytes:
    """A model that adds two arrays."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in "xyz"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "y"], ["z"])], "adder", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"what": "adds"})
    onnx.checker.check_model(model)
    return model.SerializeToString()


MODEL = adder()
ONES = np.ones((3, 2), np.float32)


def test_a_model(tmp_path: Path) -> None:
    """A model loads from its file or its bytes, tells what it is, and gives the same for the same every time."""
    path = tmp_path / "adder.onnx"
    path.write_bytes(MODEL)
    session = Session.load(path, sha256(MODEL).hexdigest())
    assert (session.inputs, session.outputs, session.metadata["what"]) == (("x", "y"), ("z",), "adds")
    assert session.digest == Session.load(MODEL).digest == sha256(MODEL).hexdigest()
    for _ in range(2):
        assert np.array_equal(session.run({"x": ONES, "y": 2 * ONES})["z"], 3 * ONES)


def test_another_digest() -> None:
    """A model of another digest is not used."""
    with pytest.raises(Refused, match="model-damaged") as caught:
        Session.load(MODEL, "0" * 64)
    assert caught.value.facts["found"] == sha256(MODEL).hexdigest()


@pytest.mark.parametrize("data", [b"", b"no model", MODEL[:20], MODEL[:-9]])
def test_no_model(data: bytes) -> None:
    """Bytes that are no model are refused."""
    with pytest.raises(Refused, match="model-damaged"):
        Session.load(data)


@pytest.mark.parametrize(
    "inputs",
    [
        {"x": ONES},
        {"x": ONES, "q": ONES},
        {"x": ONES, "y": ONES.astype(np.float64)},
        {"x": ONES, "y": np.ones((3, 5), np.float32)},
        {"x": ONES, "y": np.ones((2, 2), np.float32)},
    ],
)
def test_wrong_inputs(inputs: dict[str, np.ndarray]) -> None:
    """Inputs that the model cannot take, and inputs on which it fails, are refused."""
    with pytest.raises(Refused, match="model-damaged"):
        Session.load(MODEL).run(inputs)
