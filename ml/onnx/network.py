"""Read a checked network with OpenVINO, for one image of a fixed size: inside the process that parses (ADR 0232)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from io import BytesIO
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.importing.refusal import ImportRefused, require
from ml.preprocessing import Pixels
from ml.serving.engine import SETTINGS, import_openvino

CHANNELS = (1, 3)
# Numbers in one value between two steps: twice what VGG16 has at 1024 x 1024.
LARGEST_VALUE = 2**27


class Layout(StrEnum):
    """Where the colour channels of an input are."""

    NCHW = "nchw"
    NHWC = "nhwc"

    @property
    def axis(self) -> int:
        """The axis of the channels."""
        return 1 if self is Layout.NCHW else 3

    def shape(self, size: tuple[int, int], channels: int) -> list[int]:
        """The shape of one image of that size."""
        return [1, channels, *size] if self is Layout.NCHW else [1, *size, channels]


@dataclass(frozen=True)
class Opened:
    """An OpenVINO model for one image: colours float32 in the shape of `layout` in, (1, outputs) out.

    Its operations have numbers for names, and its values none: nothing that a file says goes into a bundle.
    """

    model: Any
    layout: Layout
    size: tuple[int, int]
    channels: int

    def answers(self, colours: Pixels) -> NDArray[np.float32]:
        """What the untouched network says, (n, outputs), about float32 (n, h, w, channels)."""
        request = import_openvino().Core().compile_model(self.model, "CPU", dict(SETTINGS)).create_infer_request()
        images = np.moveaxis(colours, 3, self.layout.axis)
        return np.concatenate([np.array(next(iter(request.infer([one[np.newaxis]]).values()))) for one in images])


def open_network(data: bytes, size: tuple[int, int] | None, layout: Layout | None) -> Opened:
    """Read a network; `size` (h, w) and `layout` where the file leaves them open.

    Raises ImportRefused where it does not take one image and give one row of answers, or what was said contradicts it.
    """
    model = _read(data)
    require(
        len(model.inputs) == len(model.outputs) == 1,
        "The network has more than one input or output; an import reads one image, one answer.",
    )
    dims = _dims(model.input())
    layout = _layout(dims, layout)
    size = _size([side for axis, side in enumerate(dims) if axis not in (0, layout.axis)], size)
    channels = _channels(model, dims[layout.axis], size, layout)
    model.reshape(layout.shape(size, channels))
    return opened(model, size, layout, channels)


def opened(model: Any, size: tuple[int, int], layout: Layout, channels: int) -> Opened:
    """A model that takes one image of that shape, with its names forgotten.

    Raises ImportRefused where it takes another, has values without a fixed size or does not answer with one row.
    """
    require(
        len(model.inputs) == len(model.outputs) == 1
        and channels in CHANNELS
        and list(model.input().get_partial_shape().to_shape()) == layout.shape(size, channels),
        "The network does not take one image of the size that was read of its file.",
    )
    _require_sizes(model)
    forget_names(model)
    return Opened(model, layout, size, channels)


@cache
def front_end() -> Any:
    """OpenVINO's reader of ONNX. Calling it once loads all of it: later it reads where nothing can be opened."""
    import_openvino()
    from openvino.frontend import FrontEndManager

    return FrontEndManager().load_by_framework("onnx")


def _read(data: bytes) -> Any:
    try:
        return front_end().convert(front_end().load(BytesIO(data)))
    except Exception as error:  # each front end of OpenVINO has exceptions of its own, with no common kind
        raise ImportRefused("OpenVINO cannot read the network. Export it again, in a plain form.") from error


def _dims(value: Any) -> list[int | None]:
    """The input's four sizes, None where the file leaves one open."""
    shape = value.get_partial_shape()
    require(
        shape.rank.is_static and len(shape) == 4 and value.get_element_type().get_type_name() == "f32",
        "The network does not take one batch of images in float32 (four axes). Export it so.",
    )
    dims = [axis.get_length() if axis.is_static else None for axis in shape]
    require(dims[0] in (None, 1), f"The network takes {dims[0]} images at once. Export it for one, or any number.")
    return dims


def _layout(dims: Sequence[int | None], said: Layout | None) -> Layout:
    """Where the channels are: what the file leaves no doubt of, or what a person says."""
    possible = [each for each in Layout if dims[each.axis] in CHANNELS]
    if said is None:
        require(
            len(possible) == 1,
            "The file leaves open whether colours come first (nchw) or last (nhwc). Say with --layout.",
        )
        return possible[0]
    require(not possible or said in possible, f"By its shape the network does not read {said}. Leave --layout out.")
    return said


def _size(stored: Sequence[int | None], said: tuple[int, int] | None) -> tuple[int, int]:
    if said is None:
        require(
            None not in stored, "The file leaves the size of its input open. Say with --size what it was trained at."
        )
    elif any(old not in (None, new) for old, new in zip(stored, said, strict=True)):
        raise ImportRefused(
            f"The network takes {stored[0] or 'any'} x {stored[1] or 'any'} pixels, not {said[0]} x {said[1]}. "
            "Leave --size out."
        )
    height, width = said or stored
    return int(height or 0), int(width or 0)


def _channels(model: Any, stored: int | None, size: tuple[int, int], layout: Layout) -> int:
    """What the file says, or else the one number that the network can take."""
    require(stored in (None, *CHANNELS), f"The network takes images of {stored} channels, not 1 or 3.")
    fitting = [each for each in CHANNELS if stored in (None, each) and _fits(model, layout.shape(size, each))]
    if len(fitting) != 1:
        raise ImportRefused(
            f"The network cannot take images of {size[0]} x {size[1]} pixels as {layout}, grey or RGB. "
            "Check --size and --layout."
        )
    return fitting[0]


def _fits(model: Any, shape: list[int]) -> bool:
    try:
        model.clone().reshape(shape)
    except RuntimeError:
        return False
    return True


def _require_sizes(model: Any) -> None:
    """See that every value has a size, and one that fits in memory, and that the answer is one row."""
    values = [value for step in model.get_ordered_ops() for value in step.outputs()]
    require(
        all(value.get_partial_shape().is_static for value in values),
        "The network has values whose size depends on the image. An import knows those of a fixed size.",
    )
    require(
        all(prod(value.get_shape()) <= LARGEST_VALUE for value in values),
        f"Between two steps the network has more than {LARGEST_VALUE} numbers; an import does not take so large a one.",
    )
    answer = list(model.output().get_shape())
    require(len(answer) == 2 and answer[0] == 1, f"The network answers in the shape {answer}, not one row of numbers.")


def forget_names(model: Any) -> None:
    """Give each operation its number in the order of computation for a name, and values none."""
    for number, step in enumerate(model.get_ordered_ops()):
        step.set_friendly_name(str(number))
        for value in step.outputs():
            value.get_tensor().set_names(set())
