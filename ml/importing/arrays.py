"""Weights on their way between two processes: their numbers one after the other, as float32 in little-endian order."""

from collections.abc import Iterable, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from ml.importing.refusal import require

NUMBER = np.dtype("<f4")


def join(arrays: Iterable[NDArray[np.float32]]) -> bytes:
    """The bytes of all `arrays` in their order, without their shapes."""
    return b"".join(np.ascontiguousarray(one, NUMBER).data for one in arrays)


def split(values: bytes, shapes: Iterable[Sequence[int]]) -> list[NDArray[np.float32]]:
    """The arrays again. Raises ImportRefused for more numbers than the `shapes` take, ValueError or TypeError else."""
    numbers, at = np.frombuffer(values, NUMBER), 0
    arrays = []
    for shape in shapes:
        count = prod(int(side) for side in shape)
        arrays.append(numbers[at : at + count].reshape(shape))
        at += count
    require(at == len(numbers), "The file holds more weights than it names.")
    return arrays
