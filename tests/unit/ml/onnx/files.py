"""Small networks as ONNX files, written field by field as onnx.proto numbers them: no library that writes them is here.

Their weights are those of tests.unit.ml.keras2.files, which works out with NumPy alone what they answer.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.ml.keras2.files import SIDE, Weights, features

PLACES = 49
DATA_TYPES = {"float32": 1, "int64": 7}


def message(*fields: tuple[int, Any]) -> bytes:
    """The bytes of a message: numbers as varints, decimals as four bytes, texts and messages with their length."""
    return b"".join(_field(number, value) for number, value in fields)


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    left, out = value & (2**64 - 1), b""
    while left > 127:
        out, left = out + bytes([left & 127 | 128]), left >> 7
    return out + bytes([left])


def tensor(name: str, values: np.ndarray, *more: tuple[int, Any]) -> bytes:
    dims = [(1, int(size)) for size in values.shape]
    return message(*dims, (2, DATA_TYPES[values.dtype.name]), (8, name), (9, values.tobytes()), *more)


def node(operator: str, inputs: Sequence[str], output: str, *more: tuple[int, Any], **settings: Any) -> bytes:
    attributes = [(5, _attribute(name, value)) for name, value in settings.items()]
    taken = [(1, name) for name in inputs]
    return message(*taken, (2, output), (3, f"{output} here"), (4, operator), *attributes, *more)


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, int):
        return message((1, name), (3, value), (20, 2))
    if isinstance(value, float):
        return message((1, name), (2, value), (20, 1))
    return message((1, name), *((8, int(one)) for one in value), (20, 7))


def value_info(name: str, shape: Sequence[int | str], kind: int = 1) -> bytes:
    dims = [(1, message((1 if isinstance(size, int) else 2, size))) for size in shape]
    return message((1, name), (2, message((1, message((1, kind), (2, message(*dims)))))))


@dataclass
class Network:
    """A file to write: steps from `x` to `y`, and what they take. `extra` goes into the graph, `around` beside it."""

    nodes: Sequence[bytes]
    initializers: Mapping[str, np.ndarray]
    shape: Sequence[int | str] = ("batch", 3, SIDE, SIDE)
    kind: int = 1
    outputs: Sequence[str] = ("y",)
    extra: Sequence[tuple[int, Any]] = ()
    around: Sequence[tuple[int, Any]] = field(default_factory=list)

    def data(self) -> bytes:
        graph = message(
            *((1, each) for each in self.nodes),
            (2, "network"),
            *((5, tensor(name, values)) for name, values in self.initializers.items()),
            (11, value_info("x", self.shape, self.kind)),
            *((12, value_info(name, ["batch", "classes"])) for name in self.outputs),
            *self.extra,
        )
        return message((1, 8), (2, "by hand"), (8, message((1, ""), (2, 17))), (7, graph), *self.around)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.data())
        return path


def backbone(made: Weights, taken: str = "x") -> tuple[list[bytes], dict[str, np.ndarray]]:
    """The two blocks of `made`, channels first, from `taken` to `features`."""
    nodes, given = [], {}
    for block, end in (("block1", "half"), ("block2", "features")):
        given[f"{block}/kernel"] = np.ascontiguousarray(made[f"{block}/conv"]["kernel"].transpose(3, 2, 0, 1))
        norms = [f"{block}/{key}" for key in ("gamma", "beta", "moving_mean", "moving_variance")]
        given |= {name: made[f"{block}/norm"][name.rpartition("/")[2]] for name in norms}
        nodes += [
            node("Conv", [taken, f"{block}/kernel"], f"{block}/c", kernel_shape=[3, 3], strides=[2, 2]),
            node("BatchNormalization", [f"{block}/c", *norms], f"{block}/n", epsilon=1e-3),
            node("Relu", [f"{block}/n"], end),
        ]
        taken = end
    return nodes, given


def dense(made: Weights, name: str, taken: str, given: str) -> tuple[bytes, dict[str, np.ndarray]]:
    """A dense layer as PyTorch exports it."""
    kernel, bias = made[name]["kernel"], made[name]["bias"]
    parts = {f"{name}/kernel": np.ascontiguousarray(kernel.T), f"{name}/bias": bias}
    return node("Gemm", [taken, *parts], given, transB=1), parts


def pooled(made: Weights, ending: str | None = "Softmax") -> Network:
    """Global average pooling, flattening, one dense layer: most networks of torchvision."""
    nodes, given = backbone(made)
    last, parts = dense(made, "dense_1", "flat", "z" if ending else "y")
    nodes += [node("GlobalAveragePool", ["features"], "mean"), node("Flatten", ["mean"], "flat", axis=1), last]
    nodes += [node(ending, ["z"], "y")] if ending else []
    return Network(nodes, given | parts)


def flattened(made: Weights, ending: str = "Softmax") -> Network:
    """Flattening by x.view(x.size(0), -1), a hidden layer, and one more: as VGG of torchvision.

    Channels come first in what is flattened, so the kernel is in another order than that of `made`.
    """
    nodes, given = backbone(made)
    kernel = made["dense_1"]["kernel"].reshape(7, 7, 8, -1).transpose(2, 0, 1, 3).reshape(8 * PLACES, -1)
    first, parts = dense({"dense_1": made["dense_1"] | {"kernel": kernel}}, "dense_1", "flat", "hidden")
    second, more = dense(made, "dense_2", "kept", "z")
    sizes = {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([-1])}
    nodes += [
        node("Shape", ["features"], "shape"),
        node("Gather", ["shape", "zero"], "count"),
        node("Unsqueeze", ["count", "axis"], "counts"),
        node("Concat", ["counts", "rest"], "sizes", axis=0),
        node("Reshape", ["features", "sizes"], "flat"),
        first,
        node("Relu", ["hidden"], "on"),
        node("Dropout", ["on"], "kept"),
        second,
        node(ending, ["z"], "y"),
    ]
    return Network(nodes, given | parts | more | sizes)


def channels_last(made: Weights) -> Network:
    """From Keras by tf2onnx: transposed at the entrance and before flattening, products and sums by themselves."""
    nodes, given = backbone(made, taken="first")
    kernel, bias = made["dense_1"]["kernel"], made["dense_1"]["bias"]
    nodes = [
        node("Transpose", ["x"], "first", perm=[0, 3, 1, 2]),
        *nodes,
        node("Transpose", ["features"], "last", perm=[0, 2, 3, 1]),
        node("Reshape", ["last", "sizes"], "flat"),
        node("MatMul", ["flat", "kernel"], "product"),
        node("Add", ["product", "bias"], "z"),
        node("Softmax", ["z"], "y", axis=-1),
    ]
    given |= {"kernel": kernel, "bias": bias, "sizes": np.array([-1, PLACES * 8])}
    return Network(nodes, given, shape=("batch", SIDE, SIDE, 3))


def mean_by_blocks(made: Weights) -> Network:
    """Averages of blocks of 3 x 3, which leave a border out, then flattening. `made` has a kernel of 4 places."""
    nodes, given = backbone(made)
    kernel = made["dense_1"]["kernel"].reshape(2, 2, 8, -1).transpose(2, 0, 1, 3).reshape(32, -1)
    last, parts = dense({"dense_1": made["dense_1"] | {"kernel": kernel}}, "dense_1", "flat", "z")
    pool = node("AveragePool", ["features"], "blocks", kernel_shape=[3, 3], strides=[3, 3])
    nodes += [pool, node("Flatten", ["blocks"], "flat"), last, node("Softmax", ["z"], "y")]
    return Network(nodes, given | parts)


def mean_by_axes(made: Weights) -> Network:
    """x.mean([2, 3]), a normalisation, then one dense layer; `made` has that of 1 place."""
    nodes, given = backbone(made)
    last, parts = dense(made, "dense_1", "scaled", "z")
    nodes += [
        node("ReduceMean", ["features"], "mean", axes=[2, 3], keepdims=0),
        node("Mul", ["mean", "gain"], "louder"),
        node("Sub", ["louder", "offset"], "scaled"),
        last,
        node("Softmax", ["z"], "y"),
    ]
    return Network(nodes, given | parts | {"gain": GAIN, "offset": OFFSET})


GAIN, OFFSET = np.linspace(0.5, 2.0, 8, dtype=np.float32), np.linspace(-1.0, 1.0, 8, dtype=np.float32)


def flat_weights(made: Weights) -> Weights:
    """What has the same dense layer at each of 49 places, and so takes the mean."""
    kernel = np.tile(made["dense_1"]["kernel"] / PLACES, (PLACES, 1))
    return made | {"dense_1": made["dense_1"] | {"kernel": kernel}}


def block_weights(made: Weights) -> Weights:
    """What weighs the first 6 x 6 places by the kernel (2, 2, 8, units) of their block, and the border not at all."""
    kernel = made["dense_1"]["kernel"].reshape(2, 2, 8, -1)
    even = np.pad(np.repeat(np.repeat(kernel, 3, axis=0), 3, axis=1) / 9, [(0, 1), (0, 1), (0, 0), (0, 0)])
    return made | {"dense_1": made["dense_1"] | {"kernel": even.reshape(PLACES * 8, -1)}}


def scaled_weights(made: Weights) -> Weights:
    """What scales the mean by GAIN and OFFSET first."""
    kernel, bias = made["dense_1"]["kernel"], made["dense_1"]["bias"]
    scaled = {"kernel": GAIN[:, np.newaxis] * kernel, "bias": bias - OFFSET @ kernel}
    return flat_weights(made | {"dense_1": scaled})


def maps(made: Weights, colours: np.ndarray) -> np.ndarray:
    """What each place adds to each logit of a flattened head, times the number of places: (n, 7, 7, classes)."""
    found = features(made, colours)
    first, *later = [made[name] for name in made if name.startswith("dense")]
    kernel = first["kernel"].reshape(7, 7, 8, -1)
    shares = np.einsum("nhwc,hwcu->nhwu", found, kernel) * PLACES
    sums = np.einsum("nhwc,hwcu->nu", found, kernel) + first["bias"]
    for layer in later:
        shares = (shares * (sums > 0)[:, np.newaxis, np.newaxis]) @ layer["kernel"]
        sums = np.maximum(sums, 0) @ layer["kernel"] + layer["bias"]
    return shares
