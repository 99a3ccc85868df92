"""From class activation maps to a picture of where the network looked."""

import numpy as np

from ml.preprocessing import Pixels, Region, Size, place_back

LONGEST_SIDE = 224
NO_EVIDENCE = 1e-6


def attention_map(maps: Pixels, label: int, region: Region, frame: Size) -> Pixels:
    """The evidence for one label, in the frame of the whole image.

    `maps` float32 (h', w', classes); `frame` (h, w) of the image. Only differences between classes move a softmax,
    so the evidence at a place is its map for the label less the mean over all labels. Evidence against the label is
    cut off, and the strongest place is 1. All zero when nothing speaks for the label. Class activation maps are of
    Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016.
    """
    evidence = np.maximum(maps[..., label] - maps.mean(axis=-1), 0.0)
    strongest = float(evidence.max())
    scaled = evidence / strongest if strongest > NO_EVIDENCE else np.zeros_like(evidence)
    return np.clip(place_back(scaled, region, _shrink(frame)), 0.0, 1.0)


def _shrink(frame: Size) -> Size:
    """The frame's shape at the size in which attention maps are kept."""
    height, width = frame
    factor = min(1.0, LONGEST_SIDE / max(frame))
    return max(1, round(height * factor)), max(1, round(width * factor))
