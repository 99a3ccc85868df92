"""The weights that an ONNX file holds, by the names that it gives them."""

import numpy as np
from numpy.typing import NDArray

from ml.importing.refusal import require
from ml.onnx.file import DATA_TYPE, DIMS, RAW_DATA
from ml.onnx.protobuf import fields, integers, message_in

# Fields of onnx.proto: the graph of a model, the initialisers of a graph, and the name of a tensor
GRAPH, INITIALISER, NAME = 7, 5, 8
FLOAT = 1


def read_initialisers(data: bytes) -> dict[str, NDArray[np.float32]]:
    """All weights that are float32. Raises ImportRefused for a file that does not hold together."""
    graphs = [graph for number, graph in fields(memoryview(data)) if number == GRAPH]
    tensors = [tensor for graph in graphs for number, tensor in fields(message_in(graph)) if number == INITIALISER]
    read = (_read(message_in(tensor)) for tensor in tensors)
    return {name: values for name, values in read if values is not None}


def _read(tensor: memoryview) -> tuple[str, NDArray[np.float32] | None]:
    """A tensor's name and its values, or None for numbers of another kind."""
    shape: list[int] = []
    name, kind, raw = "", 0, b""
    for number, value in fields(tensor):
        if number == DIMS:
            shape += integers(value)
        elif number == DATA_TYPE and isinstance(value, int):
            kind = value
        elif number == NAME:
            name = bytes(message_in(value)).decode()
        elif number == RAW_DATA:
            raw = bytes(message_in(value))
    if kind != FLOAT:
        return name, None
    values = np.frombuffer(raw, dtype="<f4")
    require(values.size == np.prod(shape, dtype=np.int64), f"The weight {name!r} does not have the size it declares.")
    return name, values.reshape(shape)
