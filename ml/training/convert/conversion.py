"""Turn a Keras classifier into the network that serves, and prove that both say the same."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import Network, import_openvino
from ml.spec import Precision
from ml.training.convert.agreement import EXACT_TOLERANCE, FAST_TOLERANCE, Agreement, Said, Trial, judge
from ml.training.convert.compression import candidates
from ml.training.convert.graph import exported

__all__ = ["EXACT_TOLERANCE", "FAST_TOLERANCE", "Agreement", "ConversionFailed", "EightBits", "convert"]


class ConversionFailed(Exception):
    """The converted network is not the one that was trained; it must not be shipped."""


@dataclass(frozen=True)
class EightBits:
    """What choosing eight bits takes.

    `labels` int64 (n,) of the images that networks are compared on, so that a loss of AUC is seen; `calibration`
    float32 (m, h, w, 1), images of the training part, from which the range of every layer's values is taken.
    """

    labels: NDArray[np.int64]
    calibration: Pixels


def convert(model: keras.Model, out: Path, samples: Pixels, eight_bits: EightBits | None = None) -> Agreement:
    """Write model.xml and model.bin into `out`, in the fastest precision that says what Keras says.

    `model` has a fixed input size and float32 precision; `samples` float32 (n, h, w, 1) are images that it was not
    trained on. Without `eight_bits` nothing is computed in eight bits. In float32 no probability may differ from Keras
    by more than 1e-4; as shipped by no more than 2e-2, with less than half a point of AUC lost, evidence in the same
    places, and files below 25 MB. Raises ConversionFailed when no precision keeps that.
    """
    expected = softmax(model.predict(samples, verbose=0))
    with TemporaryDirectory() as scratch:
        # OpenVINO maps what Keras exported into memory: never write over it
        network = exported(model, Path(scratch) / NETWORK)
        whole = Said.by(_save(network, Path(scratch) / "keras", half=False), samples)
        exact = whole.difference(expected)
        _require(exact <= EXACT_TOLERANCE, f"In float32 the network differs from Keras by {exact:.1e}.")
        trials = tuple(_trials(network, Path(scratch), samples, Said(expected, whole.maps), eight_bits))
        _require(trials[-1].refused is None, " ".join(f"As {trial.precision}: {trial.refused}" for trial in trials))
        _copy(Path(scratch) / trials[-1].precision, out)
    return Agreement(exact, trials[-1].difference, len(samples), trials[-1].precision, trials)


def _trials(network: Any, scratch: Path, samples: Pixels, true: Said, eight_bits: EightBits | None) -> Iterator[Trial]:
    """Each precision as it would serve, up to the first that may ship."""
    calibration, labels = (eight_bits.calibration, eight_bits.labels) if eight_bits else (None, None)
    for precision, candidate in candidates(network, calibration):
        folder = scratch / precision
        said = Said.by(_save(candidate, folder, half=precision is not Precision.FLOAT32), samples)
        trial = judge(precision, folder, said, true, labels)
        yield trial
        if trial.refused is None:
            return


def _save(network: Any, folder: Path, *, half: bool) -> Network:
    """Write the network, and read it back as a server would."""
    folder.mkdir()
    import_openvino().save_model(network, folder / NETWORK, compress_to_fp16=half)
    return Network((folder / NETWORK).read_bytes(), (folder / WEIGHTS).read_bytes())


def _copy(folder: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in (NETWORK, WEIGHTS):
        shutil.copyfile(folder / name, out / name)


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ConversionFailed(f"{sentence} Nothing was exported.")
