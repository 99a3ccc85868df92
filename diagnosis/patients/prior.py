"""Earlier studies of the same patient and modality, for comparison."""

from __future__ import annotations

from datetime import datetime

from diagnosis.models import Scan

MOST = 5
_LOOKED_AT = 400


def taken_at(scan: Scan) -> datetime:
    """When the image was acquired; where the file does not say, when it was uploaded."""
    return scan.acquired_at or scan.uploaded_at


def prior_studies(scan: Scan) -> list[Scan]:
    """The representative of each earlier study of the patient, the latest study first."""
    same = Scan.objects.representatives().filter(patient=scan.patient_id, modality=scan.modality)
    others = same.exclude(represented_study=scan.study_id).order_by("-uploaded_at")
    earlier = [one for one in others[:_LOOKED_AT] if taken_at(one) < taken_at(scan)]
    return sorted(earlier, key=taken_at, reverse=True)[:MOST]
