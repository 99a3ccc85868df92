"""What the label can be told from without any lung: numbers to read every result against."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.preprocessing import Pixels, Region, resize
from ml.training.data.datasets import read_pixels
from ml.training.data.manifest import Row, label_indices
from ml.training.scored_images import ScoredImages

THUMBNAIL = 32
# Lungs lie inside this part of nearly every chest image, X-ray or axial slice.
LUNGS = Region(top=0.12, left=0.08, bottom=0.88, right=0.92)


def border_features(pixels: Pixels) -> Pixels:
    """The outer ring of a 32 x 32 thumbnail, float32 (124,): frame, markers and air, but no lung."""
    return outer_ring(resize(pixels, (THUMBNAIL, THUMBNAIL)))


def outer_ring(small: Pixels) -> Pixels:
    """The outermost pixels of a thumbnail (n, n), row by row, float32 (4 n - 4,)."""
    ring = np.ones(small.shape, dtype=bool)
    ring[1:-1, 1:-1] = False
    return np.asarray(small[ring])


def border_scores(data: Path, train: tuple[Row, ...], test: tuple[Row, ...], names: tuple[str, ...]) -> ScoredImages:
    """A logistic regression on border pixels, fitted on the training part and applied to the test part."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000, class_weight="balanced"))
    model.fit(_borders(data, train), label_indices(train, names))
    return score_rows(test, names, model.predict_proba(_borders(data, test)))


def black_out_lungs(pixels: Pixels) -> Pixels:
    """The image with its middle painted black."""
    height, width = pixels.shape
    blind = pixels.copy()
    rows = slice(round(LUNGS.top * height), round(LUNGS.bottom * height))
    blind[rows, round(LUNGS.left * width) : round(LUNGS.right * width)] = 0.0
    return blind


def score_rows(rows: tuple[Row, ...], names: tuple[str, ...], probabilities: NDArray[np.float64]) -> ScoredImages:
    """Join rows of the manifest with probabilities (n, classes)."""
    return ScoredImages(
        names,
        np.asarray(probabilities, dtype=np.float64),
        label_indices(rows, names),
        np.array([row.source for row in rows]),
        np.array([row.group for row in rows]),
        np.array([row.path for row in rows]),
    )


def _borders(data: Path, rows: tuple[Row, ...]) -> Pixels:
    return np.stack([border_features(read_pixels(data / row.path)) for row in rows])
