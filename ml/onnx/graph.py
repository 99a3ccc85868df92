"""An OpenVINO model as a list of operations and the bytes of its constants, and built again from these.

So that the process that parsed a file can hand a network over without a file of any format: what comes is built one
operation after the other, and only of kinds that are known here.
"""

import json
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ml.importing.refusal import ImportRefused, require
from ml.serving.engine import import_openvino

# What OpenVINO makes of the operators in ml.onnx.file. None of them holds a graph, a state or a name of anything.
# fmt: off
KINDS = frozenset({
    "Add", "AvgPool", "BatchNormInference", "Broadcast", "Clamp", "Concat", "Convert", "Convolution", "Divide", "Elu",
    "Gather", "GroupConvolution", "HardSigmoid", "HSwish", "Identity", "LRN", "MatMul", "Maximum", "MaxPool",
    "Minimum", "Multiply", "Pad", "PRelu", "Range", "ReduceMean", "ReduceProd", "Relu", "Reshape", "Selu", "ShapeOf",
    "Sigmoid", "Slice", "Softmax", "SoftPlus", "SoftSign", "Split", "Sqrt", "Squeeze", "StridedSlice", "Subtract",
    "Tanh", "Transpose", "Unsqueeze", "VariadicSplit",
})
# fmt: on
# Bytes of one number, by OpenVINO's name for its kind
NUMBERS = {
    **dict.fromkeys(("boolean", "i8", "u8"), 1),
    **dict.fromkeys(("f16", "bf16", "i16", "u16"), 2),
    **dict.fromkeys(("f32", "i32", "u32"), 4),
    **dict.fromkeys(("f64", "i64", "u64"), 8),
}


def describe(model: Any) -> tuple[bytes, bytes]:
    """The operations of a model as JSON, in the order of computation, and its constants one after the other.

    Each is known by its number in that order, which its name has to be (`ml.onnx.network`).
    """
    steps = model.get_ordered_ops()
    told = [_told(step) for step in steps]
    constants = [np.ascontiguousarray(step.data).data for step in steps if step.get_type_name() == "Constant"]
    return json.dumps(told).encode(), b"".join(constants)


def build(told: bytes, constants: bytes) -> Any:
    """The model of such a list, which whoever sent it is not believed in.

    Raises ImportRefused for what `describe` does not write.
    """
    try:
        return _Builder(constants).model(json.loads(told))
    except ImportRefused:
        raise
    except Exception as error:  # of OpenVINO's, which have no common kind, or of JSON's and NumPy's
        raise ImportRefused("What was read of the file makes no network.") from error


def _told(step: Any) -> dict[str, Any]:
    return {
        "kind": step.get_type_name(),
        "version": step.get_type_info().version_id,
        "attributes": step.get_attributes(),
        "inputs": [[int(one.get_node().get_friendly_name()), one.get_index()] for one in step.input_values()],
    }


class _Builder:
    """Builds one model."""

    def __init__(self, constants: bytes) -> None:
        self._openvino = import_openvino()
        self._constants = memoryview(constants)
        self._factories: dict[str, Any] = {}
        self._steps: list[Any] = []
        self._parameters: list[Any] = []
        self._results: list[Any] = []

    def model(self, told: Sequence[Mapping[str, Any]]) -> Any:
        """Build all that was told, of which each step takes what was built before it."""
        for one in told:
            self._steps.append(self._step(one))
        require(not self._constants, "The file holds more weights than its network takes.")
        return self._openvino.Model(self._results, self._parameters, "network")

    def _step(self, told: Mapping[str, Any]) -> Any:
        kind, attributes = told["kind"], told["attributes"]
        inputs = [self._steps[index].output(output) for index, output in told["inputs"]]
        match kind:
            case "Constant":
                return self._constant(attributes["element_type"], attributes["shape"])
            case "Parameter":
                return self._parameter(attributes["element_type"], attributes["shape"])
            case "Result":
                self._results.append(self._openvino.op.Result(inputs[0]))
                return self._results[-1]
        require(kind in KINDS, f"The network has a step ({kind}) that an import does not know.")
        return self._factory(told["version"]).create(kind, inputs, attributes)

    def _constant(self, number: str, shape: Sequence[int]) -> Any:
        """One of as many bytes as there are: nothing is laid out for what was only declared."""
        size = NUMBERS[number] * prod(shape)
        held, self._constants = self._constants[:size], self._constants[size:]
        require(len(held) == size, "A weight of the network does not have the size that was declared.")
        tensor = self._openvino.Tensor(getattr(self._openvino.Type, number), self._openvino.Shape(shape))
        tensor.data.reshape(-1).view(np.uint8)[:] = np.frombuffer(held, np.uint8)
        return self._openvino.op.Constant(tensor)

    def _parameter(self, number: str, shape: Sequence[int]) -> Any:
        kind = getattr(self._openvino.Type, number)
        self._parameters.append(self._openvino.op.Parameter(kind, self._openvino.PartialShape(shape)))
        return self._parameters[-1]

    def _factory(self, version: str) -> Any:
        from openvino.utils.node_factory import NodeFactory

        if version not in self._factories:
            self._factories[version] = NodeFactory(version)
        return self._factories[version]
