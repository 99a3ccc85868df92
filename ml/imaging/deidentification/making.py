"""Bytes in, a picture without words and, of a DICOM file, a file that names nobody out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.imaging.decoding import decode, refusing
from ml.imaging.deidentification.dataset import file_of
from ml.imaging.deidentification.pseudonym import Pseudonym
from ml.imaging.deidentification.suspicion import Suspicion, is_burned_in, suspicions_of
from ml.imaging.dicom import decoded, open_stored
from ml.imaging.limits import Limits
from ml.imaging.rendering import shrunk
from ml.imaging.sniffing import sniff


@dataclass(frozen=True, slots=True, eq=False)
class Deidentified:
    """`greys`: uint8 (h, w), as shown. `dicom`: the new file, empty where the old one was PNG or JPEG, or where only
    `suspicions` were asked for.
    """

    greys: npt.NDArray[np.uint8]
    dicom: bytes
    suspicions: tuple[Suspicion, ...]


def deidentify(data: bytes, pseudonym: Pseudonym | None, limits: Limits) -> Deidentified:
    """Without a pseudonym it only looks for reasons to suspect a name in the picture. Raises ImageRefused."""
    limits.check_bytes(len(data))
    if sniff(data) == "dicom":
        with refusing("dicom"):
            return _of_dicom(data, pseudonym, limits)
    pixels = decode(data, limits=limits).pixels
    return Deidentified(shrunk(pixels), b"", suspicions_of(pixels, None))


def _of_dicom(data: bytes, pseudonym: Pseudonym | None, limits: Limits) -> Deidentified:
    opened = open_stored(data, limits)
    pixels = decoded(opened.squared(limits)).pixels
    found = suspicions_of(pixels, opened)
    made = file_of(opened, pseudonym, burned_in=is_burned_in(opened, found)) if pseudonym else b""
    return Deidentified(shrunk(pixels), made, found)
