"""Why a picture may have a name drawn into it."""

from enum import StrEnum

from pydicom import uid

from ml.imaging.deidentification.text import find_text
from ml.imaging.dicom import OpenedDicom
from ml.imaging.image import Pixels
from ml.imaging.role import Role
from ml.imaging.tags import Tags


class Suspicion(StrEnum):
    """STATED: the file says so. CAPTURE: it is a copy of a screen or of a film. TEXT: something looks like a line of
    letters.
    """

    STATED = "stated"
    CAPTURE = "capture"
    TEXT = "text"


# Digitised film, scanned document, drawing and workstation (PS3.3 C.8.6.1): what was seen there, names and all.
_COPIES = frozenset({"DF", "SD", "SI", "DRW", "WSD"})


def suspicions_of(pixels: Pixels, opened: OpenedDicom | None) -> tuple[Suspicion, ...]:
    """`pixels` as shown, float32 (h, w) in [0, 1]; `opened` None for a PNG or JPEG file, which says nothing."""
    found = {
        Suspicion.STATED: opened is not None and _stated(opened.tags) == "YES",
        Suspicion.CAPTURE: opened is not None and _is_copy(opened),
        Suspicion.TEXT: bool(find_text(pixels)),
    }
    return tuple(one for one, holds in found.items() if holds)


def is_burned_in(opened: OpenedDicom, suspicions: tuple[Suspicion, ...]) -> bool | None:
    """What the file made of it says: text where it is suspected, none where its device says so, else nothing (None)."""
    if suspicions:
        return True
    return False if _stated(opened.tags) == "NO" else None


def _stated(tags: Tags) -> str:
    return tags.text("BurnedInAnnotation").upper()


def _is_copy(opened: OpenedDicom) -> bool:
    tags = opened.tags
    is_capture = tags.text("SOPClassUID") == uid.SecondaryCaptureImageStorage
    return is_capture or opened.admission.role is Role.DERIVED or tags.text("ConversionType").upper() in _COPIES
