"""Prove on reference images that the network that serves says what the file's own says."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.importing.refusal import ImportRefused
from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import BATCH, Network
from ml.training.convert.agreement import EXACT_TOLERANCE

# The first program may have read images by another decoder, and rounded them to whole greys after resizing.
ANSWERS_TOLERANCE = 2e-2


@dataclass(frozen=True)
class Agreement:
    """Largest `difference` of any probability between the file's network and the served one, over `images`.

    `answers` is the same between the served one and what the program of old said, where its answers were given.
    """

    difference: float
    images: int
    answers: float | None = None


def compare_with_file(network: Network, values: Pixels, expected: NDArray[np.float64]) -> Agreement:
    """Compare what is served, one by one and in a batch, with the file's network.

    `values` float32 (n, h, w, 1) are reference images, to which the file's network gave the probabilities `expected`
    (n, classes). Raises ImportRefused when the served network gives others, by more than 1e-4.
    """
    difference = float(np.abs(probabilities(network, values) - expected).max())
    if not difference <= EXACT_TOLERANCE:
        raise ImportRefused(f"The imported network differs from the file's by {difference:.1e} on a reference image.")
    _require_batches(network, values, expected)
    return Agreement(difference, len(values))


def _require_batches(network: Network, values: Pixels, expected: NDArray[np.float64]) -> None:
    """Studies of many images are answered in batches: a network that mixes or cannot take them never answers those."""
    filled = [index % len(values) for index in range(BATCH)]
    try:
        said = softmax(network.infer_batch(values[filled])[0])
    except RuntimeError as error:
        raise ImportRefused("The network is made for one image at a time and cannot be given several.") from error
    if not np.abs(said - expected[filled]).max() <= EXACT_TOLERANCE:
        raise ImportRefused("The network gives an image another answer when others are beside it in a batch.")


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


def probabilities(network: Network, values: Pixels) -> NDArray[np.float64]:
    """What a network says about `values` float32 (n, h, w, 1) before it is calibrated: float64 (n, classes)."""
    return softmax(np.stack([network.infer(value)[0] for value in values]))
