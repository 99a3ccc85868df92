"""Whether a picture uses enough of black to white that people and classifiers see what is in it."""

import numpy as np
import numpy.typing as npt

from ml.imaging.image import Pixels

# All but the outermost fiftieths of the pixels must span this share of black to white, and reach this brightness. Of
# 9485 published chest images the flattest spans 0.23 and the darkest reaches 0.44.
LEAST_SPAN, LEAST_BRIGHTNESS = 0.2, 0.4
_INNER = (2, 98)
# Share of pixels that a window must leave between black and white.
LEAST_VISIBLE = 0.1
SAMPLE_STEP = 4

Measured = npt.NDArray[np.bool_] | None


def sample(values: Pixels, padding: Measured = None) -> Pixels:
    """Every fourth value that was measured, as one row."""
    measured = values if padding is None or padding.all() else values[~padding]
    return measured.ravel()[::SAMPLE_STEP]


def is_spread(grey: Pixels) -> bool:
    """Whether greys in [0, 1] use a usable part of black to white, whatever a few bright or dark pixels do."""
    low, high = np.percentile(grey, _INNER)
    return bool(high - low >= LEAST_SPAN and high >= LEAST_BRIGHTNESS)


def is_visible(grey: Pixels) -> bool:
    """Whether greys in [0, 1] are spread and not nearly all of them black or white."""
    return float(np.mean((grey > 0) & (grey < 1))) >= LEAST_VISIBLE and is_spread(grey)
