"""Whether a slice was exported in a lung window, told from its greys: only a DICOM file says how it was windowed.

In a mediastinal or bone window lung is black, whatever is in it. A lung window ends below air (-1350 HU where it is
1500 wide around -600), so that nothing inside a body is black in it, and soft tissue is bright. See docs/adr/0221.
"""

import numpy as np

from ml.lungs import SIDE, enclosed, otsu_threshold
from ml.preprocessing import Pixels, resize

# JPEG leaves black at a few of 255.
BLACK = 0.03
# Of the training and validation slices, every one with so much black inside the body was in another window when they
# were looked at one by one. Hard contrast leaves up to 0.122 of a slice in a lung window black.
MUCH_BLACK = 0.13
# Soft tissue is between 0.14 and 0.52 in mediastinal and bone windows, from 0.7 in lung windows 1000 to 2000 HU wide.
# Not enough alone: in a window that is wider still, lung and soft tissue are both grey.
DARK_TISSUE, SOME_BLACK = 0.6, 0.02


def shows_lungs(pixels: Pixels) -> bool:
    """Whether lung tissue can be seen in the slice, as far as its greys tell. `pixels` float32 (h, w) in [0, 1]."""
    probe = resize(pixels, (SIDE, SIDE))
    black = float(enclosed(probe <= BLACK).mean())
    if black < SOME_BLACK:
        return True
    tissue = float(np.median(probe[probe > otsu_threshold(probe)]))
    return black < MUCH_BLACK and tissue >= DARK_TISSUE
