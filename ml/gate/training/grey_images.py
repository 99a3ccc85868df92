"""Grey pictures of one square size, kept in memory."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from ml.gate.training.corruptions import GreyImage
from ml.imaging.phantom import chest_ct, chest_xray
from ml.imaging.windowing import lung_grey
from ml.preprocessing import Pixels
from ml.spec import Modality

Each = TypeVar("Each")
SIDE = 192
PHANTOMS, PHANTOM_SIDE = 40, 320
# The demonstration draws its scans from small seeds; these are others.
FIRST_SEED = 5000


def read_pictures(folder: Path, paths: Iterable[str]) -> list[GreyImage]:
    """Read images and stretch each to SIDE x SIDE."""
    return [_square(folder / path) for path in paths]


def phantoms(modality: Modality) -> list[GreyImage]:
    """Synthetic chest images, so that demonstrations and tests pass the gate."""
    return [square(phantom(modality, FIRST_SEED + number)) for number in range(PHANTOMS)]


def phantom(modality: Modality, seed: int) -> GreyImage:
    """One synthetic chest image as it looks after decoding."""
    opacities = seed % 5
    if not modality.is_tomographic:
        return picture_of(chest_xray(PHANTOM_SIDE, PHANTOM_SIDE, seed=seed, opacities=opacities))
    hounsfield = chest_ct(PHANTOM_SIDE, PHANTOM_SIDE, seed=seed, opacities=opacities)
    return picture_of(lung_grey(hounsfield.astype(np.float32)))


def picture_of(pixels: Pixels) -> GreyImage:
    """Pixels float32 (h, w) in [0, 1] as a grey picture."""
    return Image.fromarray(np.rint(np.clip(pixels, 0.0, 1.0) * 255.0).astype(np.uint8))


def pixels_of(picture: GreyImage) -> Pixels:
    """A grey picture as float32 (h, w) in [0, 1]."""
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


def square(picture: GreyImage) -> GreyImage:
    """Stretched to SIDE x SIDE."""
    return picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def one_of(several: Sequence[Each], random: np.random.Generator) -> Each:
    """Any of several pictures, or of whatever else."""
    return several[int(random.integers(len(several)))]


def _square(path: Path) -> GreyImage:
    with Image.open(path) as image:
        image.draft("L", (SIDE * 2, SIDE * 2))
        return square(image.convert("L"))
