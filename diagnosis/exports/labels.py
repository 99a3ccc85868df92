"""What a signed report says of its images, in the words that training reads (`ml.training.modalities.LABELS`).

A label is a reader's impression and no laboratory's proof. Where the reading leaves it open there is none: what is
indeterminate or atypical names no disease, and a chest that is negative for pneumonia is normal only where no finding
is coded as present or unclear.
"""

from __future__ import annotations

from dataclasses import dataclass

from diagnosis.models import Report, Scan, Study
from diagnosis.models.finding import Presence
from diagnosis.models.modality import Modality
from diagnosis.models.review import Category
from diagnosis.models.study import standing_among

# The words of `protocol`: an image that is labelled itself, and one whose whole study is.
TRAIN, STUDY = "train", "study"
# What a single classifier input shows; a lateral view or a slice is not what the label speaks of.
_WHOLE_CHEST = ("frontal", "unknown", "")


@dataclass(frozen=True)
class Label:
    """`label` and `protocol` as a manifest has them; the rest as the reader coded it. All empty: no signed report."""

    label: str = ""
    protocol: str = ""
    category: str = ""
    decision: str = ""
    findings: str = ""
    image_quality: str = ""


def signed_report(study: Study) -> Report | None:
    """The version that holds today; None while nothing is signed, and where it was entered in error."""
    found = standing_among(study.reports.all())
    return found if found and found.is_final and not found.error else None


def label_of(image: Scan, report: Report | None) -> Label:
    if report is None:
        return Label()
    word = _word(report, Modality(image.modality))
    return Label(
        label=word,
        protocol=protocol_of(image) if word else "",
        category=report.category,
        decision=report.reading.decision,
        findings=";".join(f"{one['finding']}:{one['presence']}" for one in report.coded_findings),
        image_quality=report.image_quality,
    )


def protocol_of(image: Scan) -> str:
    """TRAIN where it shows what a label of its study speaks of."""
    is_itself = image.modality == Modality.CXR and image.role in _WHOLE_CHEST
    return TRAIN if is_itself else STUDY


def _word(report: Report, modality: Modality) -> str:
    if report.category == Category.TYPICAL:
        return "covid"
    if report.category != Category.NEGATIVE:
        return ""
    if modality == Modality.CT:
        return "non-covid"
    shows = any(one["presence"] != Presence.ABSENT for one in report.coded_findings)
    return "" if shows else "normal"
