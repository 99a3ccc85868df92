"""Batches of training images, kept in memory at the training size."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml import preprocessing
from ml.preprocessing import Pixels, Prepared, Size, View
from ml.serving.lungs import crop
from ml.training.data.augmentation import Grey, augment
from ml.training.data.manifest import Row, label_indices
from ml.training.data.sampler import Sampler

READERS = 2
# What `view_in` found. A run reads the same images at several sizes, and measures on them too.
_views: dict[tuple[Path, str], View] = {}


@dataclass(frozen=True)
class Images:
    """Images of one part: `grey` uint8 (n, h, w) resized as for serving by `recipe`, `labels` int64 (n,).

    `views` say what is looked at in each by the recipe.
    """

    grey: NDArray[np.uint8]
    labels: NDArray[np.int64]
    rows: tuple[Row, ...]
    recipe: str
    views: tuple[View, ...]

    def mirror(self) -> "Images":
        """The same images with left and right exchanged, as networks get them."""
        views = tuple(mirror_view(view) for view in self.views)
        return replace(self, grey=np.ascontiguousarray(self.grey[:, :, ::-1]), views=views)


def mirror_view(view: View) -> View:
    """What counts in the mirror image of what is looked at; the region stays as it is."""
    return View(view.region, None if view.lungs is None else np.ascontiguousarray(view.lungs[:, ::-1]))


def read_pixels(path: Path) -> Pixels:
    """Read a grey image as float32 (h, w) in [0, 1]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


def view_in(path: Path, pixels: Pixels, recipe: str) -> View:
    """What a network looks at in the image of a file, whose pixels are given; found once in a process.

    Raises as `ml.serving.lungs.crop.find_view`.
    """
    key = path, recipe
    if key not in _views:
        _views[key] = crop.find_view(pixels, recipe)
    return _views[key]


def read_prepared(path: Path, size: Size, recipe: str, change: Callable[[Pixels], Pixels] | None = None) -> Prepared:
    """Read an image as a network of this input size and recipe gets it, changed first if asked.

    The change keeps the shape of the image, and what the network looks at stays that of the unchanged one: where lungs
    are painted over, no network would find them, and the crop would be one that was never taught.
    """
    pixels = read_pixels(path)
    view = view_in(path, pixels, recipe)
    return preprocessing.prepare(change(pixels) if change else pixels, size, recipe, view)


def load(data: Path, rows: Sequence[Row], labels: Sequence[str], *, size: Size, recipe: str) -> Images:
    """Read and resize all images of a part, with their labels as indices of `labels`."""
    return load_for(data, rows, label_indices(rows, labels), size=size, recipe=recipe)


def load_for(data: Path, rows: Sequence[Row], targets: NDArray[np.int64], *, size: Size, recipe: str) -> Images:
    """Read and resize all images of a part, with what is to be learnt of each, int64 (n,)."""
    read = partial(_read, data, size, recipe)
    with ThreadPoolExecutor(READERS) as pool:
        grey, views = zip(*pool.map(read, rows), strict=True)
    return Images(np.stack(grey), targets, tuple(rows), recipe, views)


def _read(data: Path, size: Size, recipe: str, row: Row) -> tuple[Grey, View]:
    pixels = read_pixels(data / row.path)
    view = view_in(data / row.path, pixels, recipe)
    small = preprocessing.resize(preprocessing.reduce(pixels, recipe), size, view.region)
    return np.asarray(np.rint(np.clip(small, 0.0, 1.0) * 255.0), dtype=np.uint8), view


def network_input(grey: NDArray[np.uint8], recipe: str) -> Pixels:
    """Scale a batch uint8 (n, h, w) as the recipe does into network input float32 (n, h, w, 1)."""
    scale = preprocessing.RECIPES[recipe].scale
    return np.stack([scale(image.astype(np.float32) / 255.0) for image in grey])[..., np.newaxis]


class TrainingBatches(keras.utils.PyDataset):
    """Augmented batches (pixels, labels, weights). The batch depends on seed, epoch and index alone."""

    def __init__(
        self, images: Images, sampler: Sampler, *, batch: int, seed: int, first_epoch: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.images, self.batch, self.seed, self.epoch = images, batch, seed, first_epoch
        self.sampler = sampler
        self.weights = self.sampler.weights
        self.order = self.sampler.draw(np.random.default_rng((seed, first_epoch)))

    def __len__(self) -> int:
        return len(self.order) // self.batch

    def __getitem__(self, index: int) -> tuple[Pixels, NDArray[np.int64], Pixels]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        chosen = self.order[index * self.batch : (index + 1) * self.batch]
        varied: list[Grey] = [augment(self.images.grey[which], random) for which in chosen]
        labels = self.images.labels[chosen]
        weights = np.array([self.weights[int(label)] for label in labels], dtype=np.float32)
        return network_input(np.stack(varied), self.images.recipe), labels, weights

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.order = self.sampler.draw(np.random.default_rng((self.seed, self.epoch)))
