"""What part an image plays in its examination, by its header, and whether a classifier may see it.

Nothing is refused here: whatever belongs to the examination is kept and shown.
"""

import re
from enum import StrEnum

from pydicom import uid

from ml.imaging.facts import Fact, not_classified
from ml.imaging.tags import Tags
from ml.imaging.words import folded, names_frontal, names_lateral, names_oblique

# Codes of a view that are the same in every language: SNOMED CT and its older spelling (PS3.16 CID 4010).
_VIEW_CODES = {
    **dict.fromkeys(("399033003", "R-10202", "272479007", "R-40888", "R-10214", "399348003", "R-10206"), "FRONTAL"),
    **dict.fromkeys(("399198007", "R-10232", "399173006", "R-10236", "399067008", "R-102CD"), "LATERAL"),
}
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
    """By the stated view, else the descriptions, else how the patient lay to the rows."""
    view = folded(_stated_view(tags))
    described = (folded(tags.text(keyword)) for keyword in ("SeriesDescription", "ProtocolName"))
    named = (role for role in map(_named_view, [view] if view else described) if role is not Role.UNKNOWN)
    sideways = not view and _lies_sideways(tags)
    return next(named, Role.LATERAL if sideways else Role.UNKNOWN)


def _stated_view(tags: Tags) -> str:
    codes = tags.items("ViewCodeSequence")
    meanings = [f"{code.text('CodeMeaning')} {_VIEW_CODES.get(code.text('CodeValue'), '')}" for code in codes]
    return " ".join([tags.text("ViewPosition"), *meanings])


def _named_view(words: str) -> Role:
    """UNKNOWN also where a frontal and a lateral view are named."""
    if names_oblique(words):
        return Role.OTHER
    if names_lateral(words):
        return Role.UNKNOWN if names_frontal(words) else Role.LATERAL
    return Role.FRONTAL if names_frontal(words) else Role.UNKNOWN


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
        return Role.AXIAL if abs(_axial_cosine(cosines)) >= _AXIAL_COSINE else Role.OTHER
    return Role.AXIAL if "AXIAL" in kind.split() else Role.UNKNOWN


def is_capture(tags: Tags) -> bool:
    """A CT slice saved as secondary capture, or in colours, has lost its Hounsfield units."""
    return tags.text("SOPClassUID") == uid.SecondaryCaptureImageStorage or has_colours(tags)


def has_colours(tags: Tags) -> bool:
    """Whether a pixel has three samples; they may be grey all the same."""
    return (tags.integer("SamplesPerPixel") or 1) > 1


def is_mirrored(tags: Tags, role: Role) -> bool:
    """Whether by its header an axial slice or a frontal X-ray is the mirror image of what readers hang: the patient's
    right on the right (PS3.3 C.7.6.1.1.1, C.7.6.2.1.1).
    """
    cosines = tags.numbers("ImageOrientationPatient")
    if len(cosines) == 6:
        return _axial_cosine(cosines) <= -_AXIAL_COSINE
    row, column, *_ = (*(name[:1] for name in tags.texts("PatientOrientation")), "", "")
    return role in (Role.FRONTAL, Role.UNKNOWN) and (row, column) == ("R", "F")


def _axial_cosine(cosines: tuple[float, ...]) -> float:
    """How far the slice's normal points along the patient's axis: 1 for an axial slice seen from the feet, -1 for one
    seen from the head.
    """
    row, column = cosines[:3], cosines[3:]
    return row[0] * column[1] - row[1] * column[0]


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
