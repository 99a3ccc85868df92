"""What part an image plays in its examination, by its header, and whether a classifier may see it.

Nothing is refused here: whatever belongs to the examination is kept and shown.
"""

import re
from enum import StrEnum

from pydicom import uid

from ml.imaging.facts import Fact, not_classified
from ml.imaging.tags import Tags

_NOT_FRONTAL = re.compile(r"\b(LL|RL|LAT|LATERAL|LLD|RLD|LAO|RAO|LPO|RPO|LLO|RLO|OBL\w*)\b")
_LATERAL = re.compile(r"\b(LL|RL|LAT|LATERAL)\b")
_FRONTAL = re.compile(r"\b(PA|AP|FRONTAL|POSTERO\W?ANTERIOR|ANTERO\W?POSTERIOR)\b")
# Projections through many slices, renderings, screen saves and pages with text, as scanners name them.
_DERIVED = re.compile(
    r"\b(MIP|MINIP|MAXIMUM|MINIMUM|PROJECTION|VRT|SSD|VOLUME RENDER\w*|SCREEN SAVE|DOSE (INFO|REPORT|SHEET)|PROT)\b"
)
_AXIAL_COSINE = 0.8


class Role(StrEnum):
    """UNKNOWN where the header names no role: the pixels decide then."""

    FRONTAL = "frontal"
    LATERAL = "lateral"
    AXIAL = "axial"
    SCOUT = "scout"
    DERIVED = "derived"
    OTHER = "other"
    UNKNOWN = "unknown"


def xray_role(tags: Tags) -> Role:
    """By the stated view, else the description, else how the patient lay to the rows."""
    codes = [item.text("CodeMeaning") for item in tags.items("ViewCodeSequence")]
    view = " ".join([tags.text("ViewPosition"), *codes]).strip().upper()
    named = _named_view((view or tags.text("SeriesDescription").upper()).replace("_", " "))
    return Role.LATERAL if named is Role.UNKNOWN and not view and _lies_sideways(tags) else named


def _named_view(words: str) -> Role:
    frontal, other = _FRONTAL.search(words), _NOT_FRONTAL.search(words)
    if frontal and other:
        return Role.UNKNOWN
    if other:
        return Role.LATERAL if _LATERAL.search(words) else Role.OTHER
    return Role.FRONTAL if frontal else Role.UNKNOWN


def _lies_sideways(tags: Tags) -> bool:
    """Rows of a frontal view run left-right; those of a lateral one front-back."""
    return tags.text("PatientOrientation")[:1] in ("A", "P")


def ct_role(tags: Tags) -> Role:
    """By the storage class and the image type, else the plane."""
    kind = " ".join(tags.texts("ImageType")).upper().replace("_", " ")
    if "LOCALIZER" in kind:
        return Role.SCOUT
    if is_capture(tags) or _DERIVED.search(kind):
        return Role.DERIVED
    cosines = tags.numbers("ImageOrientationPatient")
    if len(cosines) == 6:
        return Role.AXIAL if _axial_cosine(cosines) >= _AXIAL_COSINE else Role.OTHER
    return Role.AXIAL if "AXIAL" in kind.split() else Role.UNKNOWN


def is_capture(tags: Tags) -> bool:
    """A CT slice saved as secondary capture has lost its Hounsfield units."""
    return tags.text("SOPClassUID") == uid.SecondaryCaptureImageStorage


def _axial_cosine(cosines: tuple[float, ...]) -> float:
    """How far the slice's normal points along the patient's axis: 1 for an axial slice."""
    row, column = cosines[:3], cosines[3:]
    return abs(row[0] * column[1] - row[1] * column[0])


_XRAY_REASONS = {Role.LATERAL: "lateral", Role.OTHER: "oblique"}
_CT_REASONS = {Role.SCOUT: "scout", Role.DERIVED: "derived", Role.OTHER: "reformat"}


def xray_reason(role: Role) -> Fact | None:
    """Why no classifier may see an X-ray of this role; None where one may."""
    variant = _XRAY_REASONS.get(role)
    return not_classified(variant) if variant else None


def ct_reason(role: Role, tags: Tags) -> Fact | None:
    """Why no classifier may see a CT image of this role; None where one may."""
    variant = "capture" if is_capture(tags) else _CT_REASONS.get(role)
    return not_classified(variant) if variant else None
