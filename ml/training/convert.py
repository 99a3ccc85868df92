"""Turn a Keras classifier into the network that serves, and prove that both say the same."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ml import registry
from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import EXACT, FAST, Network, import_openvino

EXACT_TOLERANCE, FAST_TOLERANCE = 1e-4, 2e-2
LARGEST_FILE = 25 * 1024 * 1024


class ConversionFailed(Exception):
    """The converted network is not the one that was trained; it must not be shipped."""


@dataclass(frozen=True)
class Agreement:
    """Largest difference of any probability between Keras and the served network, over `images` images."""

    exact: float
    fast: float
    images: int


def convert(model: keras.Model, out: Path, samples: Pixels) -> Agreement:
    """Write model.xml and float16 model.bin of a classifier of the registry into `out`, small enough to ship.

    `model` has a fixed input size and float32 precision; `samples` float32 (n, h, w, 1). Raises ConversionFailed as
    `write_network` does, and for weights above 25 MB.
    """
    agreement = write_network(registry.with_maps(model), out, samples, softmax(model.predict(samples, verbose=0)))
    _require((out / WEIGHTS).stat().st_size <= LARGEST_FILE, "The weights are larger than 25 MB.")
    return agreement


def write_network(model: keras.Model, out: Path, samples: Pixels, expected: NDArray[np.float64]) -> Agreement:
    """Write model.xml and float16 model.bin of a model with outputs `logits` and `maps` into `out`, of any size.

    `samples` float32 (n, h, w, 1) have the probabilities `expected` (n, classes). Raises ConversionFailed when those
    of the written network differ from them by more than 1e-4 in float32, or 2e-2 as shipped.
    """
    with TemporaryDirectory() as folder:
        # OpenVINO maps what Keras exported into memory: never write over it
        converted = _convert(model, Path(folder) / NETWORK)
        whole = _write(converted, Path(folder) / "whole", half=False, settings=EXACT)
        exact = _difference(whole, samples, expected)
        fast = _difference(_write(converted, out, half=True, settings=FAST), samples, expected)
    _require(exact <= EXACT_TOLERANCE, f"In float32 the network differs from Keras by {exact:.1e}.")
    _require(fast <= FAST_TOLERANCE, f"As shipped the network differs from Keras by {fast:.1e}.")
    return Agreement(exact, fast, len(samples))


def _convert(model: keras.Model, path: Path) -> Any:
    """Let Keras export, then fix the batch to one image and name the outputs."""
    openvino = import_openvino()
    model.export(str(path), format="openvino", verbose=False)
    converted = openvino.Core().read_model(path)
    converted.reshape([1, *model.input_shape[1:]])
    for output in converted.outputs:
        output.get_tensor().set_names({"logits" if len(output.get_partial_shape()) == 2 else "maps"})
    return converted


def _write(converted: Any, folder: Path, *, half: bool, settings: Any) -> Network:
    folder.mkdir(parents=True, exist_ok=True)
    import_openvino().save_model(converted, folder / NETWORK, compress_to_fp16=half)
    return Network((folder / NETWORK).read_bytes(), (folder / WEIGHTS).read_bytes(), settings)


def _difference(network: Network, samples: Pixels, expected: NDArray[np.float64]) -> float:
    served = np.stack([softmax(network.infer(sample)[0]) for sample in samples])
    return float(np.abs(served - expected).max())


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ConversionFailed(f"{sentence} Nothing was exported.")
