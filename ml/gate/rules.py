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
        return GateRefusal(
            "too_small",
            f"This image is only {width} x {height} pixels; its shorter side must have at least "
            f"{DEFAULT_LIMITS.min_side}, so upload the original instead of a thumbnail.",
        )
    if not NARROWEST <= width / height <= WIDEST:
        return GateRefusal(
            "shape",
            f"This image is {width} x {height} pixels, a shape that no chest image has; "
            "upload one whole image, neither a strip nor several in a row.",
        )
    step = max(1, min(height, width) // PROBE_SIDE)
    low, high = np.percentile(pixels[::step, ::step], (1, 99))
    if high - low < LEAST_RANGE:
        return GateRefusal("blank", "This image is one nearly even shade; check the file and export it again.")
    return None
