"""Reads the file of a trunk in a process that is shut in: `python -m ml.trunks.inside OPTIONS`.

`ml.trunks.reading` asks it.
"""

import json
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ml.importing.arrays import join
from ml.importing.inside import Answer, answer_once
from ml.onnx.initialisers import read_initialisers

Kernel = NDArray[np.float32]
# The archive that Keras 3 writes, and the network inside the classifier that it holds
KERAS_WEIGHTS, INNER = "model.weights.h5", "layers/functional"


def read(wanted: dict[str, Any], file: IO[bytes]) -> Answer:
    """Names and shapes of the weights as JSON, and the weights in ONNX or in a classifier that Keras 3 saved."""
    data = file.read()
    weights = read_initialisers(data) if wanted["onnx"] else of_keras(data)
    told = [[name, values.shape] for name, values in weights.items()]
    return {}, json.dumps(told).encode(), join(weights.values())


def of_keras(data: bytes) -> Mapping[str, Kernel]:
    """What belongs to the network inside the classifier, by the path below it."""
    weights: dict[str, Kernel] = {}

    def add(path: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset) and found.dtype == np.float32:
            weights[path] = found[()]

    with zipfile.ZipFile(BytesIO(data)) as archive, archive.open(KERAS_WEIGHTS) as held, h5py.File(held) as stored:
        stored[INNER].visititems(add)
    return weights


def preload() -> None:
    """Go the way once: what zipfile and h5py load late is there then."""
    weights, packed = BytesIO(), BytesIO()
    with h5py.File(weights, "w") as file:
        file[f"{INNER}/values"] = np.ones(1, np.float32)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(KERAS_WEIGHTS, weights.getvalue())
    of_keras(packed.getvalue())


if __name__ == "__main__":
    preload()
    answer_once(read)
