"""What was read of a file of Keras 2, on its way between two processes: JSON, and the weights one after the other."""

import json
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ml.importing.refusal import require
from ml.keras2.hdf5 import LegacyFile, StoredWeight, sentences

NUMBER = np.dtype("<f4")


def pack(file: LegacyFile) -> tuple[bytes, bytes]:
    """Architecture and names as JSON, and all weights in their order."""
    weights = {
        name: [[one.layer, one.variable, one.values.shape] for one in stored] for name, stored in file.weights.items()
    }
    values = (np.ascontiguousarray(one.values, NUMBER).data for stored in file.weights.values() for one in stored)
    return json.dumps({"config": file.config, "weights": weights}).encode(), b"".join(values)


def unpack(told: bytes, values: bytes, name: str) -> LegacyFile:
    """The file again. Raises ImportRefused for what `pack` does not write: whoever sent it is not believed in."""
    with sentences(name):
        read = json.loads(told)
        config, weights = dict(read["config"]), _weights(dict(read["weights"]), values)
    return LegacyFile(config, weights)


def _weights(told: Mapping[str, Sequence[Any]], values: bytes) -> dict[str, tuple[StoredWeight, ...]]:
    numbers, at = np.frombuffer(values, NUMBER), 0
    weights: dict[str, tuple[StoredWeight, ...]] = {}
    for group, stored in told.items():
        found = []
        for layer, variable, shape in stored:
            count = prod(int(side) for side in shape)
            found.append(StoredWeight(str(layer), str(variable), numbers[at : at + count].reshape(shape)))
            at += count
        weights[group] = tuple(found)
    require(at == len(numbers), "The file holds more weights than it names.")
    return weights
