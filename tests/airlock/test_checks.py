"""What the automatic checks let pass, and what they stop."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from kaname.airlock.checks import log_is_plain, problem
from kaname.airlock.onnx_file import SMALL_ELEMENTS, is_network
from kaname.airlock.protobuf import Malformed, fields, varints
from kaname.airlock.safetensors_file import is_weights

PIXELS = np.arange(64 * 64, dtype=np.int16).reshape(64, 64)


def network(*tensors: Any, **told: str) -> onnx.ModelProto:
    """A convolution with its weights, other tensors beside them, and properties."""
    weights = numpy_helper.from_array(np.ones((4, 1, 3, 3), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3])
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])
    answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, 6, 6])
    model = helper.make_model(helper.make_graph([node], "net", [image], [answer], [weights, *tensors]))
    helper.set_model_props(model, told)
    return model


def safetensors(header: dict[str, Any], data: bytes) -> bytes:
    """A file of that format."""
    told = json.dumps(header).encode()
    return len(told).to_bytes(8, "little") + told + data


def weights(**entries: Any) -> dict[str, Any]:
    """The header of one tensor of four float32."""
    return {"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **entries}}


def png() -> bytes:
    """A picture."""
    file = io.BytesIO()
    Image.fromarray(PIXELS.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_a_network_passes() -> None:
    """Weights, small whole numbers, attributes, names and properties."""
    shape = numpy_helper.from_array(np.array([1, -1], np.int64), "shape")
    listed = helper.make_tensor("bias", TensorProto.FLOAT, [4], [0.5] * 4)
    counted = helper.make_tensor("axes", TensorProto.INT64, [3], [1, -1, 2])
    unpacked = onnx.TensorProto.FromString(b"\x08\x02\x10\x07\x38\x01\x38\x02")
    model = network(shape, listed, counted, unpacked, made_by="kaname", 説明="小さな網")
    assert problem("model.onnx", model.SerializeToString()) == ""


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.uint16, np.int32, np.int64])
def test_pixels_in_a_tensor_do_not_pass(kind: type[np.generic]) -> None:
    """Whole numbers beyond a few are no weights."""
    model = network(numpy_helper.from_array(PIXELS.astype(kind), "p"))
    assert problem("model.onnx", model.SerializeToString()) == "output-content"
    few = network(numpy_helper.from_array(PIXELS.astype(kind).ravel()[:SMALL_ELEMENTS], "p"))
    assert problem("model.onnx", few.SerializeToString()) == ""


def external() -> onnx.ModelProto:
    """A model that keeps weights in another file."""
    model = network()
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return model


def stuffed() -> onnx.ModelProto:
    """A tensor with more bytes than its shape has room for."""
    model = network()
    model.graph.initializer[0].raw_data += PIXELS.tobytes()
    return model


def listed_twice() -> onnx.ModelProto:
    """A tensor with a list beside its raw bytes."""
    model = network()
    model.graph.initializer[0].float_data.extend([1.0] * 100)
    return model


def attributed() -> onnx.ModelProto:
    """A picture as the numbers of an attribute."""
    model = network()
    model.graph.node[0].attribute.append(helper.make_attribute("pads", PIXELS.ravel().tolist()))
    return model


def dimensioned() -> onnx.ModelProto:
    """A picture as the dimensions of a tensor that is empty."""
    model = network()
    model.graph.initializer.add(dims=[0, *PIXELS.ravel().tolist()], data_type=TensorProto.FLOAT, name="p")
    return model


def scalars() -> bytes:
    """A version number that comes again and again."""
    return network().SerializeToString() + b"\x08\x07" * (1 << 17)


@pytest.mark.parametrize(
    "model",
    [
        external(),
        dimensioned(),
        network(onnx.TensorProto(dims=[2], data_type=TensorProto.FLOAT, segment=onnx.TensorProto.Segment(begin=1))),
        network(onnx.TensorProto(dims=[3], data_type=TensorProto.INT64, int64_data=[1, 2])),
        network(onnx.TensorProto(dims=[9], data_type=TensorProto.INT64, int64_data=[2**60] * 2000)),
        network(onnx.TensorProto(dims=[1], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)),
        stuffed(),
        listed_twice(),
        attributed(),
        network(helper.make_tensor("t", TensorProto.STRING, [1], [b"Yamada"])),
        network(note="x" * 10_000),
        network(**{f"note{n}": "x" * 8000 for n in range(40)}),
        network(note="\x00\x01"),
    ],
)
def test_stowaways_in_a_network_do_not_pass(model: onnx.ModelProto) -> None:
    """Files outside, bytes beyond a tensor's shape, numbers in attributes, texts: every byte is accounted for."""
    assert problem("model.onnx", model.SerializeToString()) == "output-content"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a model",
        network().SerializeToString() + b"\xfa\x07\x04abcd",
        network().SerializeToString()[:-1],
        b"\x0b",
        b"\xff" * 20,
        b"\x3a" + b"\x7f",
        b"\x38\x01",
        b"\x0a\x01\x07",
        b"\x12\x02\xff\xfe",
        b"\x3a\x0c\x2a\x0a\x08\x01\x10\x01\x22\x04abcd" + b"\x00",
        b"\x3a\x0a\x2a\x08\x08\x01\x10\x01\x22\x02ab",
        scalars(),
    ],
)
def test_what_is_no_network_does_not_pass(data: bytes) -> None:
    """Empty, cut, with unknown fields behind it, or something else altogether."""
    assert not is_network(data)


def test_a_network_nested_without_end_does_not_pass() -> None:
    """Graphs within attributes within graphs: the reader stops before its stack does."""
    graph = onnx.GraphProto(name="g")
    for _ in range(10):
        outer = onnx.GraphProto(name="g")
        outer.node.add(op_type="If").attribute.add(name="then_branch", g=graph)
        graph = outer
    assert not is_network(onnx.ModelProto(graph=graph).SerializeToString())


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    """The reader of protocol buffers ends on any input, and knows no other error."""
    try:
        pieces = list(fields(memoryview(data)))
        list(varints(memoryview(data)))
    except Malformed:
        return
    assert all(isinstance(value, int) or len(value) <= len(data) for _, value in pieces)


def test_weights_pass() -> None:
    """A safetensors file with its metadata."""
    header = weights() | {"__metadata__": {"format": "pt"}}
    assert problem("model.safetensors", safetensors(header, bytes(16))) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        safetensors({}, b""),
        safetensors(weights(), bytes(17)),
        safetensors(weights(), bytes(15)),
        safetensors(weights(dtype="U8", shape=[16]), bytes(16)),
        safetensors(weights(shape=[-2, -2]), bytes(16)),
        safetensors(weights(shape="22"), bytes(16)),
        safetensors(weights(more=1), bytes(16)),
        safetensors({"w": 1}, b""),
        safetensors({"w": {"dtype": "I64", "shape": [4096], "data_offsets": [0, 32768]}}, bytes(32768)),
        safetensors(weights() | {"__metadata__": {"note": "x" * 5000}}, bytes(16)),
        safetensors(weights() | {"v": weights()["w"]}, bytes(16)),
        (4).to_bytes(8, "little") + b"[1]]",
        (3).to_bytes(8, "little") + b"[1]",
    ],
)
def test_stowaways_beside_weights_do_not_pass(data: bytes) -> None:
    """Bytes that no tensor claims, or two claim; whole numbers; long texts; what is no header."""
    assert not is_weights(data)


def test_a_few_figures_pass() -> None:
    """A training curve and how pixels are prepared."""
    figures = {"loss": [0.7, 0.5], "epochs": 2, "preprocessing": {"size": [64, 64], "mean": 0.1}, "note": "z-score"}
    assert problem("model.json", json.dumps(figures).encode()) == ""


@pytest.mark.parametrize(
    "value",
    [
        PIXELS.tolist(),
        {"subject": "2.25.329800735698586629295641978511506172918"},
        {"1.2.840.10008.1.1": 0.9},
        ["x" * 201],
        ["x"] * 257,
        ["a\nb"],
        json.loads("[" * 20 + "]" * 20),
    ],
)
def test_more_than_figures_does_not_pass(value: Any) -> None:
    """Pictures as numbers, names of objects, long or many texts, deep nesting."""
    assert problem("model.json", json.dumps(value).encode()) == "output-content"


@pytest.mark.parametrize(
    "data",
    [
        b'{"loss": "2.25.329800735698586629295641978511506172918", "loss": 0.5}',
        b'{"a": [{"loss": 0.5, "loss": 0.4}]}',
        b"[" + b"8" * 33 + b"]",
        b"[0." + b"8" * 40 + b"]",
    ],
)
def test_figures_with_something_behind_them_do_not_pass(data: bytes) -> None:
    """An entry that a later one of its name covers, and a number with room for a picture in its digits."""
    assert problem("model.json", data) == "output-content"


@pytest.mark.parametrize("data", [b"", b"{", b"[NaN]", b"[Infinity]", b"\xff", b" " * (300 << 10), b"[" * 100_000])
def test_what_is_no_json_does_not_pass(data: bytes) -> None:
    """Neither what cannot be read, nor numbers that are none, nor what is too long."""
    assert problem("model.json", data) == "output-content"


@pytest.mark.parametrize("name", ["model.pt", "model.pkl", "a.dcm", "a.png", "json", "model.onnx.exe", "a.JSON"])
def test_other_kinds_of_files_do_not_pass(name: str) -> None:
    """Three endings may leave; a pickle is a program."""
    assert problem(name, b"1") == "output-type"


def test_a_picture_hidden_in_weights_does_not_pass() -> None:
    """Known beginnings of pictures and DICOM files are looked for everywhere."""
    dicom = bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00"
    for stowaway in (png(), dicom):
        data = stowaway + bytes(-len(stowaway) % 4)
        header = {"w": {"dtype": "F32", "shape": [len(data) // 4], "data_offsets": [0, len(data)]}}
        assert is_weights(safetensors(header, data))
        assert problem("model.safetensors", safetensors(header, data)) == "output-content"


@pytest.mark.parametrize(
    ("log", "plain"),
    [
        ("epoch 1 loss 0.5\n学習\t完了\r\n".encode(), True),
        (b"\x00", False),
        (b"\xff\xfe", False),
        (b"x" * (65 << 10), False),
        (b"subject 2.25.1.2.3.4", False),
    ],
)
def test_a_log_is_short_plain_text(log: bytes, *, plain: bool) -> None:
    """Anything else is withheld."""
    assert log_is_plain(log) is plain
