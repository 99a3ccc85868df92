"""From the fitted network to the one that serves, and the proof that both draw the same masks."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np

from ml.preprocessing import Pixels
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import Network, import_openvino
from ml.training.convert.conversion import ConversionFailed

# An image and its mirror image go through together.
PAIR = 2
EXACT_TOLERANCE, LARGEST_CHANGE = 1e-3, 1e-3


@dataclass(frozen=True)
class Agreement:
    """Against Keras in float32, over `images`: the largest difference of any probability with weights in float32.

    `changed` is the share of all places that are lung for one network only, with weights in float16 as they ship.
    """

    exact: float
    changed: float
    images: int


def convert(model: keras.Model, out: Path, samples: Pixels) -> Agreement:
    """Write model.xml and model.bin into `out`. `samples` float32 (n, h, w, 1), which it was not fitted on.

    Raises ConversionFailed when a probability differs from Keras by more than 1e-3 in float32, or as shipped more than
    a thousandth of all places change sides.
    """
    samples = samples[: len(samples) - len(samples) % PAIR]
    expected = _probable(model.predict(samples, verbose=0))
    with TemporaryDirectory() as scratch:
        # OpenVINO maps what Keras exported into memory: never write over it.
        network = _exported(model, Path(scratch) / NETWORK)
        whole = _said(_save(network, Path(scratch) / "whole", half=False), samples)
    exact = float(np.abs(whole - expected).max())
    if not exact <= EXACT_TOLERANCE:
        raise ConversionFailed(f"In float32 the network differs from Keras by {exact:.1e}. Nothing was exported.")
    with TemporaryDirectory() as scratch:
        network = _exported(model, Path(scratch) / NETWORK)
        shipped = _said(_save(network, out, half=True), samples)
    changed = float(((shipped >= 0.5) != (expected >= 0.5)).mean())
    if not changed <= LARGEST_CHANGE:
        raise ConversionFailed(f"As shipped the network draws {changed:.2%} of all places otherwise than Keras.")
    return Agreement(exact, changed, len(samples))


def _exported(model: keras.Model, path: Path) -> Any:
    """The network as an OpenVINO model for a pair of images, with the output `maps`."""
    model.export(str(path), format="openvino", verbose=False)
    network = import_openvino().Core().read_model(path)
    network.reshape([PAIR, *model.input_shape[1:]])
    network.outputs[0].get_tensor().set_names({"maps"})
    return network


def _save(network: Any, folder: Path, *, half: bool) -> Network:
    folder.mkdir(parents=True, exist_ok=True)
    import_openvino().save_model(network, folder / NETWORK, compress_to_fp16=half)
    return Network((folder / NETWORK).read_bytes(), (folder / WEIGHTS).read_bytes())


def _said(network: Network, samples: Pixels) -> Pixels:
    pairs = np.split(samples, len(samples) // PAIR)
    return _probable(np.concatenate([network.infer_maps(pair) for pair in pairs]))


def _probable(logits: Pixels) -> Pixels:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), dtype=np.float32)
