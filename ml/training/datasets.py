"""Batches of training images, kept in memory at the training size."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml import preprocessing
from ml.preprocessing import Pixels, Size
from ml.training.augment import Grey, augment
from ml.training.manifest import Row

# A class may appear in an epoch at most this many times as often as the rarest one; others take turns.
LARGEST_IMBALANCE = 2.0
READERS = 2


@dataclass(frozen=True)
class Images:
    """Images of one part: `grey` uint8 (n, h, w) resized as for serving, `labels` int64 (n,)."""

    grey: NDArray[np.uint8]
    labels: NDArray[np.int64]
    rows: tuple[Row, ...]


def read_pixels(path: Path) -> Pixels:
    """Read a grey image as float32 (h, w) in [0, 1]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


def load(data: Path, rows: Sequence[Row], labels: Sequence[str], *, size: Size, recipe: str) -> Images:
    """Read and resize all images of a part."""
    read = partial(_read, data, size, recipe)
    with ThreadPoolExecutor(READERS) as pool:
        grey = np.stack(list(pool.map(read, rows)))
    indices = np.array([labels.index(row.label) for row in rows], dtype=np.int64)
    return Images(grey, indices, tuple(rows))


def _read(data: Path, size: Size, recipe: str, row: Row) -> Grey:
    pixels = read_pixels(data / row.path)
    small = preprocessing.resize(pixels, size, preprocessing.find_region(pixels, recipe))
    return np.asarray(np.rint(np.clip(small, 0.0, 1.0) * 255.0), dtype=np.uint8)


def network_input(grey: NDArray[np.uint8]) -> Pixels:
    """Standardise a batch uint8 (n, h, w) into network input float32 (n, h, w, 1)."""
    return np.stack([preprocessing.standardise(image.astype(np.float32) / 255.0) for image in grey])[..., np.newaxis]


def epoch_size(rows: Sequence[Row], labels: Sequence[str]) -> int:
    """How many images an epoch draws from these rows."""
    return sum(_drawn_counts(np.array([labels.index(row.label) for row in rows])).values())


def class_weights(labels: NDArray[np.int64]) -> dict[int, float]:
    """Weights that let every class count the same in an epoch of `TrainingBatches`; their mean over draws is 1."""
    drawn = _drawn_counts(labels)
    total = sum(drawn.values())
    return {label: total / (len(drawn) * count) for label, count in drawn.items()}


class TrainingBatches(keras.utils.PyDataset):
    """Augmented batches (pixels, labels, weights). The batch depends on seed, epoch and index alone."""

    def __init__(self, images: Images, *, batch: int, seed: int, first_epoch: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.images, self.batch, self.seed, self.epoch = images, batch, seed, first_epoch
        self.weights = class_weights(images.labels)
        self.order = _draw(images.labels, np.random.default_rng((seed, first_epoch)))

    def __len__(self) -> int:
        return len(self.order) // self.batch

    def __getitem__(self, index: int) -> tuple[Pixels, NDArray[np.int64], Pixels]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        chosen = self.order[index * self.batch : (index + 1) * self.batch]
        varied: list[Grey] = [augment(self.images.grey[which], random) for which in chosen]
        labels = self.images.labels[chosen]
        weights = np.array([self.weights[int(label)] for label in labels], dtype=np.float32)
        return network_input(np.stack(varied)), labels, weights

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.order = _draw(self.images.labels, np.random.default_rng((self.seed, self.epoch)))


def _drawn_counts(labels: NDArray[np.int64]) -> dict[int, int]:
    counts = Counter(int(label) for label in labels)
    most = int(LARGEST_IMBALANCE * min(counts.values()))
    return {label: min(count, most) for label, count in counts.items()}


def _draw(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Choose the images of an epoch, in random order."""
    chosen = [
        random.choice(np.flatnonzero(labels == label), size=count, replace=False)
        for label, count in _drawn_counts(labels).items()
    ]
    return random.permutation(np.concatenate(chosen))
