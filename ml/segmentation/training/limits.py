"""Between what a mask is believed, measured on images with masks."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ml.segmentation.training.masked_images import MaskedRow
from ml.serving.lungs.finder import LungFinder, LungMap, balance
from ml.serving.lungs.spec import Limits
from ml.spec import Modality
from ml.training.data.datasets import read_pixels

ANYTHING = Limits(0.0, 1.0, 0.0, 0.0)
# Other hospitals show less and more of the body than the images at hand.
SMALLER, LARGER = 0.25, 2.0
# Of the images that the limits are taken from, so many of a hundred may lie below each.
REFUSED_PERCENT = 1.0
LEAST_SURE, MOST_SURE = 0.7, 0.8
# A slice near the top or the base may show one lung alone.
BALANCED = frozenset({Modality.CXR})


def measured_limits(finder: LungFinder, data: Path, rows: Sequence[MaskedRow]) -> dict[Modality, Limits]:
    """The limits of each modality, from what the network says of `rows` by the convention of each."""
    return {
        modality: _limits(finder, data, [row for row in rows if row.modality is modality], modality)
        for modality in Modality
    }


def _limits(finder: LungFinder, data: Path, rows: Sequence[MaskedRow], modality: Modality) -> Limits:
    own = [row for row in rows if row.modality is modality]
    said: list[LungMap] = [finder.maps(read_pixels(data / row.path))[row.convention] for row in own]
    areas = [float(each.mask.mean()) for each in said]
    sureness = _lowest([each.sureness for each in said])
    even = _lowest([balance(each.mask) for each in said]) if modality in BALANCED else 0.0
    return Limits(
        least_area=_floor(SMALLER * _lowest(areas)),
        most_area=min(0.85, round(LARGER * max(areas), 3)),
        least_balance=_floor(SMALLER * even),
        least_sureness=_floor(min(MOST_SURE, max(LEAST_SURE, sureness))),
    )


def _lowest(values: Sequence[float]) -> float:
    return float(np.percentile(values, REFUSED_PERCENT, method="lower"))


def _floor(value: float) -> float:
    return math.floor(value * 1000) / 1000
