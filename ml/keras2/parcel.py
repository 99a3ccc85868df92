"""What was read of a file of Keras 2, on its way between two processes: JSON, and the weights one after the other."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ml.importing.arrays import join, split
from ml.keras2.hdf5 import LegacyFile, StoredWeight, sentences


def pack(file: LegacyFile) -> tuple[bytes, bytes]:
    """Architecture and names as JSON, and all weights in their order."""
    weights = {
        name: [[one.layer, one.variable, one.values.shape] for one in stored] for name, stored in file.weights.items()
    }
    values = join(one.values for stored in file.weights.values() for one in stored)
    return json.dumps({"config": file.config, "weights": weights}).encode(), values


def unpack(told: bytes, values: bytes, name: str) -> LegacyFile:
    """The file again. Raises ImportRefused for what `pack` does not write: whoever sent it is not believed in."""
    with sentences(name):
        read = json.loads(told)
        config, weights = dict(read["config"]), _weights(dict(read["weights"]), values)
    return LegacyFile(config, weights)


def _weights(told: Mapping[str, Sequence[Any]], values: bytes) -> dict[str, tuple[StoredWeight, ...]]:
    arrays = iter(split(values, [shape for stored in told.values() for _, _, shape in stored]))
    return {
        group: tuple(StoredWeight(str(layer), str(variable), next(arrays)) for layer, variable, _ in stored)
        for group, stored in told.items()
    }
