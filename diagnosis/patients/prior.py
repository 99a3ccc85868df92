"""Earlier studies of the same patient and modality, for comparison."""

from __future__ import annotations

from django.db.models.functions import Coalesce

from diagnosis.models import Scan

MOST = 5
# As Study.taken_at says it.
TAKEN = Coalesce("represented_study__examined_at", "represented_study__received_at")


def prior_studies(scan: Scan) -> list[Scan]:
    """The representative of each earlier study of the patient, the latest study first."""
    same = Scan.objects.representatives().filter(patient=scan.patient_id, modality=scan.modality)
    others = same.exclude(represented_study=scan.study_id).select_related("series__study")
    return list(others.alias(taken=TAKEN).filter(taken__lt=scan.study.taken_at).order_by("-taken", "-pk")[:MOST])
