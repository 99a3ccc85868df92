"""Check an ONNX file before a library reads it: one file, a plain graph of known operators, and no more."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from ml.importing.refusal import ImportRefused, require
from ml.onnx.protobuf import Value, fields, integers, message_in

STANDARD_DOMAINS = ("", "ai.onnx")
# What convolutional classifiers are made of. None runs anything else, and none makes much out of little: those that
# only name a size (Expand, Tile, Resize, ConstantOfShape, Range) or hold a graph (If, Loop, Scan) are not among them.
# fmt: off
OPERATORS = frozenset({
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "Conv", "Div", "Dropout",
    "Elu", "Flatten", "Gather", "Gemm", "GlobalAveragePool", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu",
    "LRN", "MatMul", "MaxPool", "Mul", "PRelu", "Pad", "Relu", "ReduceMean", "Reshape", "Selu", "Shape", "Sigmoid",
    "Slice", "Softmax", "Softplus", "Softsign", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze",
})
# fmt: on
# Bytes of one number, by TensorProto.DataType: float, the integers, bool, float16, double and bfloat16. No texts.
NUMBER_SIZES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
LEAF = ""

# The fields of onnx.proto that a classifier has, by message: the message in each, or LEAF for numbers and texts.
MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {**dict.fromkeys((1, 2, 3, 4, 5, 6, 8, 14), LEAF), 7: "graph"},
    "graph": {**dict.fromkeys((2, 10, 11, 12, 13, 16), LEAF), 1: "node", 5: "tensor"},
    "node": {**dict.fromkeys((1, 2, 3, 4, 6, 7, 9), LEAF), 5: "attribute"},
    "attribute": {**dict.fromkeys((1, 2, 3, 4, 7, 8, 9, 13, 20), LEAF), 5: "tensor", 10: "tensor"},
    "tensor": dict.fromkeys((1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 14), LEAF),
}
# What a file may have by the standard and an import refuses by name.
REFUSED: Mapping[tuple[str, int], str] = {
    ("model", 20): "holds steps of a training. Export it for inference.",
    ("model", 25): "defines functions of its own. An import knows the standard operators.",
    ("graph", 14): "is quantised. Export it in float32.",
    ("graph", 15): "has sparse weights. Export it with plain ones.",
    (
        "attribute",
        6,
    ): "has a graph inside a step, so what it does depends on the image. An import knows plain networks.",
    (
        "attribute",
        11,
    ): "has a graph inside a step, so what it does depends on the image. An import knows plain networks.",
    ("attribute", 21): "defines functions of its own. An import knows the standard operators.",
    ("attribute", 22): "has sparse weights. Export it with plain ones.",
    ("attribute", 23): "has sparse weights. Export it with plain ones.",
    ("tensor", 13): "keeps weights in other files. Save it as one file (save_as_external_data=False).",
}
OP_TYPE, DOMAIN, DATA_LOCATION = ("node", 4), ("node", 7), ("tensor", 14)
DIMS, DATA_TYPE, RAW_DATA = 1, 2, 9


@dataclass
class Checked:
    """A file that was checked: its bytes, and how many numbers its weights are."""

    data: bytes
    parameters: int = field(default=0)


def check(data: bytes) -> Checked:
    """Check the bytes of a file. Raises ImportRefused for what an import does not take."""
    checked = Checked(data)
    view = memoryview(data)
    require(any(number == 7 for number, _ in fields(view)), "The file is no ONNX file: it has no graph.")
    for kind, message in _messages("model", view):
        CHECKS.get(kind, _nothing)(checked, message)
    return checked


def _messages(kind: str, message: memoryview) -> Iterator[tuple[str, memoryview]]:
    """A message and all inside it, of a depth that `MESSAGES` bounds. Raises ImportRefused for other fields."""
    yield kind, message
    for number, value in fields(message):
        if number not in MESSAGES[kind]:
            what = REFUSED.get((kind, number), f"has something that an import does not know ({kind}, field {number}).")
            raise ImportRefused(f"The file {what}")
        inside = MESSAGES[kind][number]
        if inside:
            yield from _messages(inside, message_in(value))


def _check_node(_: Checked, message: memoryview) -> None:
    for number, value in fields(message):
        if ("node", number) == DOMAIN:
            domain = _text(value)
            require(
                domain in STANDARD_DOMAINS,
                f"The network uses operators of {domain!r}, which are not those of the standard.",
            )
        if ("node", number) == OP_TYPE:
            name = _text(value)
            require(name in OPERATORS, f"The network uses the operator {name!r}, which an import does not know.")


def _check_tensor(checked: Checked, message: memoryview) -> None:
    """A tensor is no larger than what the file holds of it, so that a small file stays a small network."""
    found = list(fields(message))
    require(
        all(value == 0 for number, value in found if ("tensor", number) == DATA_LOCATION),
        f"The file {REFUSED['tensor', 13]}",
    )
    elements = prod(size for number, value in found if number == DIMS for size in integers(value))
    kinds = {value for number, value in found if number == DATA_TYPE}
    require(len(kinds) == 1 and kinds <= set(NUMBER_SIZES), "The network has weights that are no plain numbers.")
    raw = [len(message_in(value)) for number, value in found if number == RAW_DATA]
    (kind,) = kinds
    held = elements <= len(message) if not raw else raw == [elements * NUMBER_SIZES[int(kind)]]
    require(held, "A weight of the network does not have the size that the file declares.")
    checked.parameters += elements


def _nothing(_: Checked, __: memoryview) -> None:
    """Of this kind of message, the fields are all there is to check."""


CHECKS: Mapping[str, Callable[[Checked, memoryview], None]] = {"node": _check_node, "tensor": _check_tensor}


def _text(value: Value) -> str:
    return bytes(message_in(value)).decode(errors="replace")
