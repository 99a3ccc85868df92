"""Whether an image holds the detail that its size promises, or was blown up from a thumbnail.

A thumbnail of 96 pixels knows nothing finer than 48 waves across the picture, however large it is made: what is finer
is far weaker than in an image that was taken at its size. Where every pixel was merely repeated, neighbours differ at a
few places only. See docs/adr/0227.
"""

import numpy as np
from numpy.fft import fft2, fftshift

from ml.imaging.limits import DEFAULT_LIMITS
from ml.preprocessing import Pixels, resize
from ml.spec import Modality

# The smallest image that is read at all: nothing is enlarged to look at it, and no smaller detail is asked for.
SIDE = DEFAULT_LIMITS.min_side
THINNED_SIDE = 512
# In waves across the middle square: what 48 pixels can show, and what takes 112 and more.
COARSE, FINE = (12, 24), (56, 70)
# How much stronger the coarse waves may be than the fine ones, in powers of ten. Of X-rays of the training part none
# has more than 2.6, drawn ones have up to 2.9. Of slices 0.3 % have more than 3.6: those collections were compressed
# hard or taken from print, so that only thumbnails of 64 pixels can be told from them.
MOST_DECLINE = {Modality.CXR: 3.0, Modality.CT: 3.7}
# Of columns and rows, 3 of 10 change less than this share of the mean change only where pixels were repeated (0.33 to
# 0.98 else, but for one slice taken from print).
STILL, QUIET = 0.3, 30
NEAR_SIDE = 512


def is_enlarged(pixels: Pixels, modality: Modality) -> bool:
    """Whether the image shows hardly more than a thumbnail of 96 pixels would. `pixels` float32 (h, w) in [0, 1]."""
    return decline(pixels) > MOST_DECLINE.get(modality, np.inf) or repeats_pixels(pixels)


def decline(pixels: Pixels) -> float:
    """How much weaker fine waves are than coarse ones in the middle square, in powers of ten of the median energy."""
    side = min(pixels.shape)
    step = max(1, side // THINNED_SIDE)
    square = resize(_middle(pixels, side)[::step, ::step], (SIDE, SIDE))
    taper = np.hanning(SIDE)
    spectrum = np.abs(fftshift(fft2((square - square.mean()) * taper * taper[:, np.newaxis]))) ** 2
    place = np.arange(SIDE) - SIDE // 2
    waves = np.hypot(place, place[:, np.newaxis])
    coarse, fine = (float(np.median(spectrum[(waves >= low) & (waves < high)])) for low, high in (COARSE, FINE))
    return float(np.log10(coarse + 1e-9) - np.log10(fine + 1e-9))


def repeats_pixels(pixels: Pixels) -> bool:
    """Whether blocks of equal pixels, fewer than SIDE across the shorter side, make up the middle of the image."""
    side = min(pixels.shape)
    near = _middle(pixels, min(side // 2, NEAR_SIDE))
    if min(near.shape) < SIDE // 4:
        return False
    return all(_is_blocky(np.abs(np.diff(near, axis=axis)).mean(axis=1 - axis), side) for axis in (0, 1))


def _is_blocky(changes: Pixels, side: int) -> bool:
    """Whether neighbouring lines change at a few places, of `changes` float32 (n,) from one to the next."""
    still = STILL * float(changes.mean())
    places = int(np.count_nonzero(np.diff((changes > still).astype(np.int8)) > 0)) * side / len(changes)
    return bool(np.percentile(changes, QUIET) < still) and places < SIDE


def _middle(pixels: Pixels, side: int) -> Pixels:
    top, left = ((extent - side) // 2 for extent in pixels.shape)
    return pixels[top : top + side, left : left + side]
