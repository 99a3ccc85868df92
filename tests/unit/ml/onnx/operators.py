"""Each operator that an import knows, in a graph as small as it can be: steps from `x` (n, 4, 8, 8) to `y`."""

from __future__ import annotations

import numpy as np

from tests.unit.ml.onnx.files import message, node, tensor, value_info

F32 = np.float32
IMAGE = ("n", 4, 8, 8)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, F32)


def whole(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def word(name: str, value: str) -> tuple[int, bytes]:
    """An attribute that is a text."""
    return (5, message((1, name), (4, value), (20, 3)))


def array(name: str, values: np.ndarray) -> tuple[int, bytes]:
    """An attribute that is a tensor."""
    return (5, message((1, name), (5, tensor("", values)), (20, 4)))


def graph(steps: list[bytes], given: dict[str, np.ndarray], opset: int) -> bytes:
    """A whole file."""
    held = message(
        *((1, each) for each in steps),
        (2, "graph"),
        *((5, tensor(name, values)) for name, values in given.items()),
        (11, value_info("x", IMAGE)),
        (12, value_info("y", ["a", "b"])),
    )
    return message((1, 8), (8, message((1, ""), (2, opset))), (7, held))


def alone(operator: str, *more: str, **settings: object) -> list[bytes]:
    return [node(operator, ["x", *more], "y", **settings)]


CONV = {"w": ones(5, 4, 3, 3), "b": ones(5)}
PADS = whole(0, 0, 1, 1, 0, 0, 1, 1)
HALVES = [node("Split", ["x"], "a", (2, "b"), axis=1), node("Concat", ["a", "b"], "y", axis=1)]
PARTS = [node("Split", ["x", "s"], "a", (2, "b"), axis=1), node("Concat", ["a", "b"], "y", axis=1)]
MEAN = node("GlobalAveragePool", ["x"], "m")
# fmt: off
# The operator, what else is said of it, → its steps and what they take
OPERATORS: dict[str, tuple[list[bytes], dict[str, np.ndarray]]] = {
    "Add": (alone("Add", "c"), {"c": ones(4, 1, 1)}),
    "AveragePool": (alone("AveragePool", kernel_shape=[2, 2], strides=[2, 2]), {}),
    "AveragePool, same": ([node("AveragePool", ["x"], "y", word("auto_pad", "SAME_UPPER"), kernel_shape=[3, 3])], {}),
    "BatchNormalization": (alone("BatchNormalization", "a", "b", "c", "d"), {name: ones(4) for name in "abcd"}),
    "Cast": ([node("Cast", ["x"], "h", to=10), node("Cast", ["h"], "y", to=1)], {}),
    "Clip": (alone("Clip", "low", "high"), {"low": np.array(0, F32), "high": np.array(6, F32)}),
    "Clip, one end": (alone("Clip", "low"), {"low": np.array(0, F32)}),
    "Concat": (alone("Concat", "x", axis=1), {}),
    "Constant": ([node("Constant", [], "c", array("value", ones(1))), node("Add", ["x", "c"], "y")], {}),
    "Conv": (alone("Conv", "w", "b", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), CONV),
    "Conv, groups": (alone("Conv", "w", kernel_shape=[3, 3], group=4), {"w": ones(4, 1, 3, 3)}),
    "Div": (alone("Div", "c"), {"c": ones(1)}),
    "Dropout": (alone("Dropout"), {}),
    "Elu": (alone("Elu", alpha=0.5), {}),
    "Flatten": (alone("Flatten"), {}),
    "Flatten, other axis": (alone("Flatten", axis=2), {}),
    "Gather": (alone("Gather", "i", axis=1), {"i": whole(0, 1)}),
    "Gemm": (
        [node("Flatten", ["x"], "f"), node("Gemm", ["f", "w", "b"], "y", transB=1, alpha=0.5, beta=2.0)],
        {"w": ones(3, 256), "b": ones(3)},
    ),
    "GlobalAveragePool": (alone("GlobalAveragePool"), {}),
    "HardSigmoid": (alone("HardSigmoid", alpha=0.2, beta=0.5), {}),
    "HardSwish": (alone("HardSwish"), {}),
    "Identity": (alone("Identity"), {}),
    "LRN": (alone("LRN", size=5, alpha=1e-4, beta=0.75, bias=1.0), {}),
    "LeakyRelu": (alone("LeakyRelu", alpha=0.1), {}),
    "MatMul": (alone("MatMul", "w"), {"w": ones(8, 3)}),
    "MaxPool": (alone("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1), {}),
    "Mul": (alone("Mul", "c"), {"c": ones(1)}),
    "PRelu": (alone("PRelu", "s"), {"s": ones(4, 1, 1)}),
    "Pad": (alone("Pad", "p"), {"p": PADS}),
    "Pad, reflected": ([node("Pad", ["x", "p"], "y", word("mode", "reflect"))], {"p": PADS}),
    "ReduceMean": (alone("ReduceMean", keepdims=0), {}),
    "Relu": (alone("Relu"), {}),
    "Reshape": (alone("Reshape", "s"), {"s": whole(0, -1)}),
    "Selu": (alone("Selu"), {}),
    "Shape": ([node("Shape", ["x"], "s"), node("Reshape", ["x", "s"], "y")], {}),
    "Sigmoid": (alone("Sigmoid"), {}),
    "Slice": (alone("Slice", "a", "b", "c", "d"), {"a": whole(0), "b": whole(8), "c": whole(2), "d": whole(2)}),
    "Slice, one step": (alone("Slice", "a", "b", "c"), {"a": whole(0), "b": whole(2), "c": whole(1)}),
    "Softmax": (alone("Softmax", axis=1), {}),
    "Softplus": (alone("Softplus"), {}),
    "Softsign": (alone("Softsign"), {}),
    "Split": (HALVES, {}),
    "Split, parts": (PARTS, {"s": whole(1, 3)}),
    "Sqrt": (alone("Sqrt"), {}),
    "Squeeze": ([MEAN, node("Squeeze", ["m", "a"], "y")], {"a": whole(2, 3)}),
    "Squeeze, all": ([MEAN, node("Squeeze", ["m"], "y")], {}),
    "Sub": (alone("Sub", "c"), {"c": ones(1)}),
    "Tanh": (alone("Tanh"), {}),
    "Transpose": (alone("Transpose", perm=[0, 2, 3, 1]), {}),
    "Unsqueeze": ([node("Unsqueeze", ["x", "a"], "u"), node("Squeeze", ["u", "a"], "y")], {"a": whole(1)}),
}
# fmt: on
# Standard, and yet OpenVINO 2026.4 ends with a segmentation fault: the pads are an input since version 11.
CRASHES = graph(alone("Pad", pads=[0, 0, 1, 1, 0, 0, 1, 1]), {}, 13)
