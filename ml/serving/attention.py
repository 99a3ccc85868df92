"""From class activation maps to a picture of where the network looked."""

import numpy as np

from ml.preprocessing import Pixels, Region, Size, place_back
from ml.regions import Mask

LONGEST_SIDE = 224
NO_EVIDENCE = 1e-6


def attention_map(maps: Pixels, label: int, region: Region, frame: Size) -> Pixels:
    """The evidence for one label, in the frame of the whole image.

    `maps` float32 (h', w', classes); `frame` (h, w) of the image. Only differences between classes move a softmax,
    so the evidence at a place is its map for the label less the mean over all labels. Evidence against the label is
    cut off, and the strongest place is 1. All zero when nothing speaks for the label. Class activation maps are of
    Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016.
    """
    found = evidence(maps, label)
    strongest = float(found.max())
    scaled = found / strongest if strongest > NO_EVIDENCE else np.zeros_like(found)
    return np.clip(place_back(scaled, region, _shrink(frame)), 0.0, 1.0)


def evidence(maps: Pixels, label: int) -> Pixels:
    """What speaks for a label at each place, float32 (h', w') from 0; `maps` float32 (h', w', classes)."""
    return np.maximum(maps[..., label] - maps.mean(axis=-1), 0.0)


def share_outside(attention: Pixels, lungs: Pixels | Mask) -> float:
    """The share of the attention that lies outside the lungs, in [0, 1]; 0 where there is no attention at all.

    `attention` float32 (h', w') in [0, 1]; `lungs` of the same shape, 1 or True inside. Raises ValueError for
    different shapes.
    """
    if attention.shape != lungs.shape:
        raise ValueError(f"Attention {attention.shape} and lungs {lungs.shape} must have the same shape.")
    total = float(attention.sum(dtype=np.float64))
    if total <= NO_EVIDENCE:
        return 0.0
    inside = float((attention * lungs).sum(dtype=np.float64))
    return min(1.0, max(0.0, 1.0 - inside / total))


def _shrink(frame: Size) -> Size:
    """The frame's shape at the size in which attention maps are kept."""
    height, width = frame
    factor = min(1.0, LONGEST_SIDE / max(frame))
    return max(1, round(height * factor)), max(1, round(width * factor))
