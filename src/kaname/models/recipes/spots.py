"""A small convolutional network that looks for spots, and its copy as an ONNX graph.

The image is averaged down to about 32 × 32, three layers follow it, and the ten places that look most like the target
speak for the image: what is looked for is small, so the mean over all places would drown it. The first layer begins as
what one looks for spots and lines with, Laplacians and second derivatives of Gaussians, and is learned like the others:
begun at random, one training in five had not left the ground by its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

GRID = 32
"""Rows and columns that an image is averaged down to, or a little more."""
FIRST, SECOND, THIRD = 7, 3, 5
"""Edges of the kernels."""
CHANNELS = (16, 24)
PLACES = 10
_SPOTS, _LINES = (0.8, 1.2, 1.8), (0.8, 1.2)
_ANGLES = 4
OPSET, IR_VERSION = 17, 10


def learning_library() -> Any:  # noqa: ANN401 - torch leaves its types partly open
    """Torch, of any type."""
    import torch

    return torch


def factor_of(rows: int, columns: int) -> int:
    """By how much an image is averaged down in each direction."""
    return max(1, min(rows, columns) // GRID)


def averaged(images: Floats, factor: int) -> Floats:
    """Images (n, rows, columns) averaged down as the graph does it; what is left over at the edges is dropped."""
    n, rows, columns = (images.shape[0], images.shape[1] // factor, images.shape[2] // factor)
    cut = images[:, : rows * factor, : columns * factor]
    return cut.reshape(n, rows, factor, columns, factor).mean((2, 4), dtype="f4")


def network() -> Any:  # noqa: ANN401 - torch is imported by recipes alone
    """The network, from averaged images (n, 1, rows, columns) to (n, 1, rows, columns) of how much a place speaks."""
    torch = learning_library()
    nn, filters = torch.nn, torch.from_numpy(_filters())
    first = nn.Conv2d(1, len(filters), FIRST, padding="same", bias=False)
    first.weight.data.copy_(filters)
    return nn.Sequential(
        first,
        nn.BatchNorm2d(len(filters)),
        nn.ReLU(),
        nn.Conv2d(len(filters), CHANNELS[0], SECOND, padding="same", bias=False),
        nn.BatchNorm2d(CHANNELS[0]),
        nn.ReLU(),
        nn.Conv2d(CHANNELS[0], CHANNELS[1], THIRD, padding="same", bias=False),
        nn.BatchNorm2d(CHANNELS[1]),
        nn.ReLU(),
        nn.Conv2d(CHANNELS[1], 1, 1),
    )


def logits(net: Any, images: Any) -> Any:  # noqa: ANN401
    """What the network says of each averaged image: the mean of its loudest places, (n,)."""
    return net(images).flatten(1).topk(PLACES, 1)[0].mean(1)


def onnx_bytes(net: Any, rows: int, columns: int) -> bytes:  # noqa: ANN401
    """The trained network for images of that size, as ONNX: ``image`` (n, 1, rows, columns) to ``score`` (n,).

    Normalisation is folded into the convolutions. Written node by node, so that the same weights are the same bytes and
    nothing of this machine stands in the file.
    """
    from onnx import TensorProto, helper, numpy_helper

    factor = factor_of(rows, columns)
    nodes: list[Any] = []
    tensors: list[Any] = []
    last = "image"
    if factor > 1:
        last = "averaged"
        sides = [factor, factor]
        nodes.append(helper.make_node("AveragePool", ["image"], [last], kernel_shape=sides, strides=sides))
    for number, (weight, bias) in enumerate(_folded(net), 1):
        names = [f"weight{number}", f"bias{number}"]
        tensors += [numpy_helper.from_array(a, name) for a, name in zip((weight, bias), names, strict=True)]
        made = f"places{number}"
        nodes.append(helper.make_node("Conv", [last, *names], [made], pads=[weight.shape[2] // 2] * 4))
        last = made
        if weight.shape[0] > 1:
            last = f"positive{number}"
            nodes.append(helper.make_node("Relu", [made], [last]))
    tensors.append(helper.make_tensor("loudest", TensorProto.INT64, [1], [PLACES]))
    nodes += [
        helper.make_node("Flatten", [last], ["flat"], axis=1),
        helper.make_node("TopK", ["flat", "loudest"], ["values", "which"], axis=1),
        helper.make_node("ReduceMean", ["values"], ["logit"], axes=[1], keepdims=0),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "spots",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, rows, columns])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"])],
        tensors,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def _folded(net: Any) -> Iterator[tuple[Floats, Floats]]:  # noqa: ANN401
    """Weight and bias of each convolution, the normalisation behind it (evaluation mode) worked in."""
    import numpy as np

    layers: list[Any] = list(net)
    following: Any
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if type(layer).__name__ != "Conv2d":
            continue
        weight = layer.weight.detach().numpy()
        if type(following).__name__ == "BatchNorm2d":
            spread = np.sqrt(following.running_var.numpy() + following.eps)
            scale = following.weight.detach().numpy() / spread
            bias = following.bias.detach().numpy() - following.running_mean.numpy() * scale
            weight = weight * scale[:, None, None, None]
        else:
            bias = layer.bias.detach().numpy()
        yield np.ascontiguousarray(weight, dtype="f4"), np.ascontiguousarray(bias, dtype="f4")


def _filters() -> Floats:
    """Kernels of unit length without a mean: spots and smooth spots of three sizes, lines of two sizes, four ways."""
    import numpy as np

    y, x = np.mgrid[0:FIRST, 0:FIRST] - FIRST // 2
    found: list[NDArray[np.float64]] = []
    for sigma in _SPOTS:
        bell = np.exp(-(x**2 + y**2) / (2 * sigma**2))
        found += [(2 - (x**2 + y**2) / sigma**2) * bell, bell]
    for sigma in _LINES:
        bell = np.exp(-(x**2 + y**2) / (2 * sigma**2))
        for angle in np.arange(_ANGLES) * np.pi / _ANGLES:
            across = x * np.cos(angle) + y * np.sin(angle)
            found.append((1 - across**2 / sigma**2) * bell)
    centred = [kernel - kernel.mean() for kernel in found]
    return np.array([[kernel / np.linalg.norm(kernel)] for kernel in centred], dtype="f4")
