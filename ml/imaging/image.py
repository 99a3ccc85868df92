"""A decoded image: what may be shown and classified."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from ml.imaging.facts import Fact
from ml.imaging.header import DicomHeader
from ml.imaging.refusal import ImageRefused

Pixels = npt.NDArray[np.float32]

# An image whose darkest and brightest pixel differ by less shows nothing.
LEAST_CONTRAST = 1 / 64


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """`pixels`: float32 (height, width) in [0, 1], 0 = black = air, window applied.

    `format` is "png", "jpeg" or "dicom"; `bits` is the depth of the stored values;
    `header` is None unless the file was DICOM. `not_classified` says why no classifier
    may see the image; None where the file itself does not forbid it. `facts` are what
    else should be said beside the picture. `taken_at` is when a photograph says that it was taken,
    without zone; a photograph of a film tells when the film was photographed.
    """

    pixels: Pixels
    format: str
    bits: int
    header: DicomHeader | None = None
    not_classified: Fact | None = None
    facts: tuple[Fact, ...] = ()
    taken_at: datetime | None = None

    @property
    def pixel_sha256(self) -> str:
        """SHA-256, hexadecimal, of size and pixels in 16 bits: two exports of one image agree."""
        levels = np.rint(self.pixels * np.float32(65535)).astype("<u2")
        return hashlib.sha256(f"{self.width}x{self.height}:".encode() + levels.tobytes()).hexdigest()

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


def refuse_blank(pixels: Pixels) -> None:
    """Also where they are no numbers, which no comparison holds for: a rescale may leave what float32 holds."""
    if not float(pixels.max() - pixels.min()) >= LEAST_CONTRAST:
        raise ImageRefused("blank")
