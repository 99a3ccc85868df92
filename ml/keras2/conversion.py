"""Turn a legacy network into the one that serves, and prove on reference images that both say the same."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ml.keras2.refusal import ImportRefused
from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import Network, import_openvino
from ml.training.convert.agreement import EXACT_TOLERANCE

# The first program may have read images by another decoder, and rounded them to whole greys after resizing.
ANSWERS_TOLERANCE = 2e-2


@dataclass(frozen=True)
class Agreement:
    """Largest `difference` of any probability between the file's network in Keras and the served one, over `images`.

    `answers` is the same between the served one and what the program of old said, where its answers were given.
    """

    difference: float
    images: int
    answers: float | None = None


def write_network(model: keras.Model, out: Path, values: Pixels, expected: NDArray[np.float64]) -> Agreement:
    """Write model.xml and model.bin of a model with the outputs `logits` and `maps` into `out`, in float32.

    `values` float32 (n, h, w, 1) are reference images, to which the file's network gave the probabilities `expected`
    (n, classes). Raises ImportRefused when the written network gives others, by more than 1e-4.
    """
    with TemporaryDirectory() as folder:
        # OpenVINO maps what Keras exported into memory: never write over it
        import_openvino().save_model(_export(model, Path(folder) / NETWORK), out / NETWORK, compress_to_fp16=False)
    difference = float(np.abs(probabilities(written(out), values) - expected).max())
    if not difference <= EXACT_TOLERANCE:
        raise ImportRefused(f"The imported network differs from the file's by {difference:.1e} on a reference image.")
    return Agreement(difference, len(values))


def written(folder: Path) -> Network:
    """The network in a folder as it is served."""
    return Network((folder / NETWORK).read_bytes(), (folder / WEIGHTS).read_bytes())


def compare_answers(answers: Path, images: Sequence[Path], labels: Sequence[str], said: NDArray[np.float64]) -> float:
    """The largest difference between `said` (n, classes) about reference images and the answers in a CSV file.

    The file has the column `path`, of which the name counts, and one with the probability of each label. Raises
    ImportRefused when an image or a column is missing, or the difference is above 2e-2.
    """
    expected = _read_answers(answers, labels)
    missing = [image.name for image in images if image.name not in expected]
    if missing:
        raise ImportRefused(f"{answers.name} has no answer for {', '.join(missing[:3])}.")
    differences = np.abs(said - np.array([expected[image.name] for image in images])).max(axis=1)
    worst = int(differences.argmax())
    if not differences[worst] <= ANSWERS_TOLERANCE:
        raise ImportRefused(
            f"For {images[worst].name} the imported network differs by {differences[worst]:.3f} from {answers.name}. "
            "Check the order of --labels, --one-means, --scaling and --resampling."
        )
    return float(differences[worst])


def _read_answers(path: Path, labels: Sequence[str]) -> dict[str, list[float]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file. Give the CSV with the answers of the program of old.")
    with path.open(newline="", encoding="utf-8") as lines:
        try:
            return {Path(row["path"]).name: [float(row[label]) for label in labels] for row in csv.DictReader(lines)}
        except (KeyError, TypeError, ValueError) as error:
            raise ImportRefused(
                f"{path.name} needs the columns path, {', '.join(labels)} with probabilities."
            ) from error


def _export(model: keras.Model, path: Path) -> Any:
    """Let Keras export, then fix the batch to one image and name the outputs."""
    model.export(str(path), format="openvino", verbose=False)
    exported = import_openvino().Core().read_model(path)
    exported.reshape([1, *model.input_shape[1:]])
    for output in exported.outputs:
        output.get_tensor().set_names({"logits" if len(output.get_partial_shape()) == 2 else "maps"})
    return exported


def probabilities(network: Network, values: Pixels) -> NDArray[np.float64]:
    """What a network says about `values` float32 (n, h, w, 1) before it is calibrated: float64 (n, classes)."""
    return softmax(np.stack([network.infer(value)[0] for value in values]))
