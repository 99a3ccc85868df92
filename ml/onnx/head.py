"""Find the head of an OpenVINO model, and read it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.importing.head import KNOWN, Array, Head, HeadReader, Stage, one_place, spread
from ml.importing.refusal import ImportRefused, require
from ml.importing.statements import Ending
from ml.serving.engine import import_openvino

# Steps of ONNX that know which axis is which: their channels are always the second.
SPATIAL = ("Convolution", "GroupConvolution", "MaxPool", "AvgPool", "BatchNormInference")
# Steps at each place by itself
POINTWISE = (
    "Add",
    "Subtract",
    "Multiply",
    "Divide",
    "Relu",
    "Clamp",
    "PRelu",
    "Elu",
    "Sigmoid",
    "Tanh",
    "HSwish",
    "Swish",
)
ENDINGS = {"Softmax": Ending.SOFTMAX, "Sigmoid": Ending.SIGMOID}
RESHAPING = ("Reshape", "Squeeze", "Unsqueeze", "Transpose")
LAST, FIRST = (0, 2, 3, 1), (0, 1, 2, 3)


@dataclass(frozen=True)
class Entrance:
    """A feature map: the operation `number` that makes it, its `places` (h, w) and channels.

    `width` numbers go into the head, and `spread` spreads a kernel (width, units) over the places.
    """

    number: str
    index: int
    width: int
    spread: Callable[[Array], Array]


def take_apart(model: Any, *, are_logits: bool) -> Head:
    """Find and read the head of a model; its `features` are the number of an operation and the index of its output.

    `are_logits`: whether a person says that no softmax or sigmoid is in the file. Raises ImportRefused where there is
    no exact map, and where the network ends otherwise than the person says.
    """
    steps: list[Any] = []
    value = _folded(model).get_results()[0].input_value(0)
    while (entrance := _entrance(value)) is None:
        _require_row(value)
        steps.insert(0, value.get_node())
        value = _data(value.get_node())
    reader = HeadReader(entrance.width)
    for step in steps:
        _read(reader, step)
    first, *later = reader.stages
    stages = (Stage(entrance.spread(first.kernel), first.bias), *later)
    return Head((entrance.number, entrance.index), stages, _ending(reader, are_logits=are_logits))


def _ending(reader: HeadReader, *, are_logits: bool) -> Ending:
    if are_logits:
        require(reader.ending is None, f"The network ends with a {reader.ending}: what it answers are no logits.")
        return Ending.SIGMOID if reader.width == 1 else Ending.SOFTMAX
    if reader.ending is None:
        raise ImportRefused("The network ends without softmax or sigmoid: what it answers are logits. Say so.")
    return reader.ending


def _folded(model: Any) -> Any:
    """A copy in which everything that does not depend on the image is a constant."""
    import_openvino()
    from openvino import passes

    copy = model.clone()
    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())
    manager.run_passes(copy)
    return copy


def _require_row(value: Any) -> None:
    """Raises ImportRefused for what is no row of numbers between a feature map and the answer."""
    kind = value.get_node().get_type_name()
    if not _is_one_place(value):
        raise ImportRefused(f"The head begins with a {kind}. {KNOWN}")
    if kind in SPATIAL and len(value.get_shape()) == 4:
        raise one_place()


def _data(step: Any) -> Any:
    """The one value that goes into a step beside constants."""
    values = [value for value in step.input_values() if value.get_node().get_type_name() != "Constant"]
    if len(values) != 1:
        raise ImportRefused(f"The head of the network branches, or there is no feature map before it. {KNOWN}")
    return values[0]


def _entrance(value: Any) -> Entrance | None:
    """The beginning of the head, where the step that makes `value` is one."""
    step = value.get_node()
    kind = step.get_type_name()
    before = step.input_value(0) if step.get_input_size() else None
    if before is None or len(before.get_shape()) != 4:
        return None
    if kind == "ReduceMean":
        return _mean(before, sorted(int(axis) % 4 for axis in np.ravel(_constant(step, 1))))
    if kind == "AvgPool" and _is_one_place(value):
        require(_averages_blocks(step), f"The head begins with an AvgPool over a border. {KNOWN}")
        return _mean(before, [2, 3])
    if kind in ("Reshape", "Squeeze") and not _is_one_place(before):
        return _flat(before)
    return None


def _mean(value: Any, axes: list[int]) -> Entrance:
    """The mean over all places, on `axes`, which every place shares."""
    features, order = _as_made(value)
    places = sorted(order[axis] for axis in axes)
    require(places == [2, 3], f"The head takes a mean over something else than places. {KNOWN}")
    channels, *_ = _of_several_places(features)
    return Entrance(features.get_node().get_friendly_name(), features.get_index(), channels, lambda kernel: kernel)


def _flat(value: Any) -> Entrance:
    """Flattening, where each place has weights of its own; averages of blocks before it belong to it."""
    features, order = _as_made(value)
    shape = [features.get_shape()[axis] for axis in order[1:]]
    before = features.get_node()
    pool = (1, 1)
    if before.get_type_name() == "AvgPool" and _averages_blocks(before):
        down, across = before.get_attributes()["kernel"]
        pool, features = (int(down), int(across)), before.input_value(0)
    _, height, width = _of_several_places(features)
    places_last = [order[1:].index(axis) for axis in (2, 3, 1)]

    def over_places(kernel: Array) -> Array:
        return spread(kernel.reshape(*shape, -1).transpose(*places_last, 3), pool, (height, width))

    name, index = features.get_node().get_friendly_name(), features.get_index()
    return Entrance(name, index, int(np.prod(shape)), over_places)


def _as_made(value: Any) -> tuple[Any, tuple[int, ...]]:
    """A feature map (1, c, h, w) as a spatial step made it, and for each axis of `value` which of its axes that is."""
    step = value.get_node()
    order: tuple[int, ...] = FIRST
    if step.get_type_name() == "Transpose":
        order = tuple(int(axis) for axis in np.ravel(_constant(step, 1)))
        value = step.input_value(0)
    require(order in (FIRST, LAST) and _has_channels_second(value), f"The head begins with no feature map. {KNOWN}")
    return value, order


def _has_channels_second(value: Any) -> bool:
    """Whether the steps before it leave no doubt of it: a map with its axes mixed up would show another place."""
    while True:
        step = value.get_node()
        kind = step.get_type_name()
        if kind in SPATIAL:
            return True
        if kind == "Concat":
            if step.get_attributes()["axis"] not in (1, -3):
                return False
        elif kind not in POINTWISE:
            return False
        larger = [one for one in step.input_values() if list(one.get_shape())[2:] == list(value.get_shape())[2:]]
        if not larger:
            return False
        value = larger[0]


def _of_several_places(features: Any) -> tuple[int, int, int]:
    """Channels, height and width of a feature map (1, c, h, w)."""
    _, channels, height, width = features.get_shape()
    if height * width < 2:
        raise one_place()
    return channels, height, width


def _averages_blocks(step: Any) -> bool:
    """Whether an AvgPool averages blocks side by side, so that it is linear in each place before it."""
    said = step.get_attributes()
    _, _, height, width = step.input_value(0).get_shape()
    is_whole = list(said["kernel"]) == [height, width]
    side_by_side = is_whole or list(said["strides"]) == list(said["kernel"])
    return bool(side_by_side and not any(said["pads_begin"]) and not any(said["pads_end"]) and _rounds_down(step))


def _rounds_down(step: Any) -> bool:
    """Whether no block hangs over the edge, which would be averaged over fewer places."""
    taken = zip(step.output(0).get_shape()[2:], step.get_attributes()["strides"], strict=True)
    sizes = zip(taken, step.get_attributes()["kernel"], step.input_value(0).get_shape()[2:], strict=True)
    return all((count - 1) * stride + kernel <= size for (count, stride), kernel, size in sizes)


def _is_one_place(value: Any) -> bool:
    """Whether a value is one row of numbers, however many axes it has."""
    return sum(size > 1 for size in value.get_shape()) <= 1


def _constant(step: Any, index: int) -> Any:
    node = step.input_value(index).get_node()
    if node.get_type_name() != "Constant":
        raise ImportRefused(f"The head has a {step.get_type_name()} whose weights depend on the image. {KNOWN}")
    return node.get_data()


def _read(reader: HeadReader, step: Any) -> None:
    """Take the next step of the head in. Raises ImportRefused."""
    kind = step.get_type_name()
    if kind in RESHAPING:
        return
    reader.require_open(f"{kind} ({step.get_friendly_name()})")
    match kind:
        case "MatMul":
            kernel = _kernel(step)
            reader.multiply(kernel, np.zeros(kernel.shape[1], np.float32))
        case "Add" | "Subtract" | "Multiply" | "Divide" | "BatchNormInference":
            reader.scale(*_scaling(step, reader.width))
        case "Relu":
            reader.activate("relu", kind)
        case "Softmax" | "Sigmoid":
            reader.activate(ENDINGS[kind], kind)
        case _:
            raise ImportRefused(f"The head has a {kind}. {KNOWN}")


def _kernel(step: Any) -> Array:
    """The kernel (inputs, units) of a dense layer."""
    said, kernel = step.get_attributes(), np.asarray(_constant(step, 1), dtype=np.float32)
    require(
        kernel.ndim == 2 and len(step.input_value(0).get_shape()) == 2 and not said["transpose_a"],
        f"The head has a product that is no dense layer. {KNOWN}",
    )
    return kernel.T if said["transpose_b"] else kernel


def _scaling(step: Any, width: int) -> tuple[Array, Array]:
    """What each of `width` numbers is multiplied by, and what is added then."""
    kind = step.get_type_name()
    ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
    if kind == "BatchNormInference":
        gamma, beta, mean, variance = (np.asarray(_constant(step, index), np.float32) for index in range(1, 5))
        scale = gamma / np.sqrt(variance + np.float32(step.get_attributes()["epsilon"]))
        return scale, beta - mean * scale
    is_second = step.input_value(1).get_node().get_type_name() == "Constant"
    values = np.asarray(_constant(step, 1 if is_second else 0), dtype=np.float32).ravel()
    require(
        len(values) in (1, width) and int(np.prod(step.output(0).get_shape())) == width,
        f"The head has a {kind} that is not of each number by itself. {KNOWN}",
    )
    match kind:
        case "Add":
            return ones, zeros + values
        case "Multiply":
            return ones * values, zeros
        case "Subtract" if is_second:
            return ones, zeros - values
        case "Divide" if is_second:
            return ones / values, zeros
    raise ImportRefused(f"The head has a {kind} of a constant by its numbers. {KNOWN}")
