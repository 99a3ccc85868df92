"""Pixels that are not square are made square once, here, so that every page, map, print and network gets them right."""

from dataclasses import replace

import numpy as np
from PIL import Image

from ml.imaging.frame import Shape, Stored
from ml.imaging.limits import Limits
from ml.imaging.tags import Tags

# Written as a pair, these state sizes in millimetres; the first that does decides.
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
# Rounding in the header, not another shape; and a slip of the pen, not a shape at all.
_LEAST_DIFFERENCE, _MOST_RATIO = 0.01, 5.0


def pixel_shape(tags: Tags) -> float:
    """Height of a pixel divided by its width; 1 where the header does not say, or says what cannot be."""
    stated = next(filter(None, map(tags.numbers, (*_SPACINGS, "PixelAspectRatio"))), ())
    if len(stated) != 2 or min(stated) <= 0:
        return 1.0
    ratio = stated[0] / stated[1]
    is_square = abs(ratio - 1) < _LEAST_DIFFERENCE or not 1 / _MOST_RATIO <= ratio <= _MOST_RATIO
    return 1.0 if is_square else ratio


def squared(stored: Stored, shape: Shape, tags: Tags, limits: Limits) -> tuple[Stored, Shape]:
    """The same picture with square pixels, as small as the smaller side of those in the file.

    Between measured values it is interpolated; where some were never measured, the nearest one stands. Raises
    ImageRefused where the picture would become too large.
    """
    ratio = pixel_shape(tags)
    if ratio == 1:
        return stored, shape
    rows, columns = round(shape.rows * max(ratio, 1)), round(shape.columns * max(1 / ratio, 1))
    limits.check_size(columns, rows)
    how = Image.Resampling.NEAREST if tags.has("PixelPaddingValue") else Image.Resampling.BILINEAR
    picture = Image.fromarray(stored.astype(np.float32)).resize((columns, rows), how)
    values = np.rint(np.asarray(picture)).astype(stored.dtype)
    return values, replace(shape, rows=rows, columns=columns)
