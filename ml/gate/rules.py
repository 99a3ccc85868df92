"""What can be refused without a network: images that are tiny, of a strange shape or blank."""

import numpy as np

from ml.gate.refusal import GateRefusal
from ml.imaging.limits import DEFAULT_LIMITS
from ml.preprocessing import Pixels

# Width by height. Of 6834 published chest images the narrowest has 0.78, the widest 2.43.
NARROWEST, WIDEST = 0.6, 2.6
# Between the 1st and the 99th percentile; the flattest of those images has ten times as much.
LEAST_RANGE = 0.04
PROBE_SIDE = 128


def broken_rule(pixels: Pixels) -> GateRefusal | None:
    """The first plain rule that the image breaks. `pixels` float32 (h, w) in [0, 1]."""
    height, width = pixels.shape
    if min(height, width) < DEFAULT_LIMITS.min_side:
        return GateRefusal("too_small", {"width": width, "height": height, "side": DEFAULT_LIMITS.min_side})
    if not NARROWEST <= width / height <= WIDEST:
        return GateRefusal("shape", {"width": width, "height": height})
    step = max(1, min(height, width) // PROBE_SIDE)
    low, high = np.percentile(pixels[::step, ::step], (1, 99))
    if high - low < LEAST_RANGE:
        return GateRefusal("blank", {"variant": "nearly"})
    return None
