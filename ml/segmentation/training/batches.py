"""Batches of varied images with what they teach, kept in memory."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml import preprocessing
from ml.imaging.phantom import chest_ct, chest_ct_lungs, chest_xray, chest_xray_lungs
from ml.imaging.windowing import lung_grey
from ml.preprocessing import Pixels
from ml.segmentation.training.loss import UNKNOWN
from ml.segmentation.training.masked_images import MaskedRow, read_mask, stretched
from ml.segmentation.training.variations import Masks, vary, without_lungs
from ml.serving.lungs.convention import Convention
from ml.spec import Modality
from ml.training.data.augmentation import Grey
from ml.training.data.datasets import READERS, read_pixels

CONVENTIONS = tuple(Convention)
# Of every source an epoch shows so many; a volume's slices take turns as its neighbours resemble each other.
SHOWN = {"shenzhen": 340, "ieee8023": 240, "medseg9": 160, "phantom": 32}
WITHOUT_LUNGS = 36
# The demonstration draws its scans from small seeds, the gate was fitted on some from 5000; these are others.
PHANTOMS, FIRST_SEED, PHANTOM_SIDE = 20, 7000, 320


@dataclass(frozen=True)
class MaskedImages:
    """Square images uint8 (n, s, s) with masks (n, s, s) of 0 and 1, each drawn by its convention, from `sources`."""

    grey: NDArray[np.uint8]
    masks: Masks
    conventions: tuple[Convention, ...]
    sources: tuple[str, ...]

    @classmethod
    def read(cls, data: Path, rows: Sequence[MaskedRow], side: int, *, cropped: bool) -> Self:
        """`cropped` to what carries content, as the network sees them when it serves."""
        with ThreadPoolExecutor(READERS) as pool:
            grey, masks = zip(*pool.map(partial(_read, data, side, cropped), rows), strict=True)
        conventions = tuple(row.convention for row in rows)
        return cls(np.stack(grey), np.stack(masks), conventions, tuple(row.source for row in rows))

    def targets(self, index: int, mask: Masks) -> NDArray[np.uint8]:
        """What an image teaches, uint8 (s, s, channels): `mask` for its convention, UNKNOWN for others."""
        unknown = np.full_like(mask, UNKNOWN)
        return np.stack([mask if each is self.conventions[index] else unknown for each in CONVENTIONS], axis=-1)


class VariedBatches(keras.utils.PyDataset):
    """Batches (pixels, targets) of one epoch. A batch depends on seed, epoch and index alone."""

    def __init__(self, images: MaskedImages, side: int, *, batch: int, seed: int, epoch: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.images, self.side, self.batch, self.seed, self.epoch = images, side, batch, seed, epoch
        self.order = _draw(images.sources, np.random.default_rng((seed, epoch)))

    def __len__(self) -> int:
        return len(self.order) // self.batch

    def __getitem__(self, index: int) -> tuple[Pixels, NDArray[np.uint8]]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        chosen = self.order[index * self.batch : (index + 1) * self.batch]
        grey, targets = zip(*(self._example(which, random) for which in chosen), strict=True)
        return network_input(np.stack(grey)), np.stack(targets)

    def _example(self, which: int, random: np.random.Generator) -> tuple[Grey, NDArray[np.uint8]]:
        if which < 0:
            return without_lungs(self.side, random), np.zeros((self.side, self.side, len(CONVENTIONS)), dtype=np.uint8)
        varied, mask = vary(self.images.grey[which], self.images.masks[which], random)
        size = (self.side, self.side)
        small = np.rint(preprocessing.resize(varied.astype(np.float32), size)).astype(np.uint8)
        return small, self.images.targets(which, stretched(mask.astype(np.bool_), size))


def network_input(grey: NDArray[np.uint8]) -> Pixels:
    """Equalise a batch uint8 (n, h, w) into network input float32 (n, h, w, 1)."""
    return np.stack([preprocessing.equalise(image / np.float32(255)) for image in grey])[..., np.newaxis]


def with_phantoms(images: MaskedImages, side: int) -> MaskedImages:
    """Synthetic chests added, whose lungs are known, so that demonstrations and tests find them."""
    drawn = [(modality, FIRST_SEED + number) for number in range(PHANTOMS) for modality in Modality]
    masks = {modality: _phantom_lungs(modality, side) for modality in Modality}
    return MaskedImages(
        np.concatenate([images.grey, [_phantom(modality, side, seed) for modality, seed in drawn]]),
        np.concatenate([images.masks, [masks[modality] for modality, _ in drawn]]),
        images.conventions + (Convention.FIELDS,) * len(drawn),
        images.sources + ("phantom",) * len(drawn),
    )


def _phantom(modality: Modality, side: int, seed: int) -> Grey:
    drawn = np.rint(phantom(modality, seed) * 255).astype(np.uint8)
    return np.asarray(Image.fromarray(drawn).resize((side, side), Image.Resampling.BILINEAR))


def phantom(modality: Modality, seed: int) -> Pixels:
    """One synthetic chest as it looks after decoding, float32 (h, w) in [0, 1]."""
    if not modality.is_tomographic:
        return chest_xray(PHANTOM_SIDE, PHANTOM_SIDE, seed=seed, opacities=seed % 5)
    hounsfield = chest_ct(PHANTOM_SIDE, PHANTOM_SIDE, seed=seed, opacities=seed % 5)
    return np.clip(lung_grey(hounsfield.astype(np.float32)), 0, 1)


def _phantom_lungs(modality: Modality, side: int) -> Masks:
    drawn = chest_ct_lungs if modality.is_tomographic else chest_xray_lungs
    return drawn(side, side).astype(np.uint8)


def _draw(sources: Sequence[str], random: np.random.Generator) -> NDArray[np.intp]:
    """Which images an epoch shows, in random order; -1 is one without lungs."""
    named = np.array(sources)
    shown = [_some(np.flatnonzero(named == source), count, random) for source, count in SHOWN.items()]
    return random.permutation(np.concatenate([*shown, np.full(WITHOUT_LUNGS, -1)]))


def _some(members: NDArray[np.intp], count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """`count` of the members, none of them twice before each came once."""
    if not members.size:
        return members
    rounds = [random.permutation(members) for _ in range(-(-count // members.size))]
    return np.concatenate(rounds)[:count]


def _read(data: Path, side: int, cropped: bool, row: MaskedRow) -> tuple[Grey, Masks]:
    pixels, mask = read_pixels(data / row.path), read_mask(data, row)
    region = preprocessing.find_region(pixels, "cxr-2") if cropped else preprocessing.WHOLE
    small = preprocessing.resize(pixels, (side, side), region)
    return np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8), stretched(mask, (side, side), region)
