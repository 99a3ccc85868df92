"""Earlier studies of the same patient and modality, for comparison."""

from __future__ import annotations

from itertools import groupby
from uuid import UUID

from django.db.models.functions import Coalesce

from diagnosis.models import Patient, Scan

MOST = 5
# As Study.taken_at says it.
TAKEN = Coalesce("represented_study__examined_at", "represented_study__received_at")


def prior_studies(scan: Scan) -> list[Scan]:
    """The representative of each earlier study of the patient, the latest study first."""
    same = Scan.objects.representatives().filter(patient=scan.patient_id, modality=scan.modality)
    others = same.exclude(represented_study=scan.study_id).select_related("series__study")
    return list(others.alias(taken=TAKEN).filter(taken__lt=scan.study.taken_at).order_by("-taken", "-pk")[:MOST])


def previous_studies(patient: Patient) -> dict[UUID, UUID]:
    """The key of each study's representative, and that of the study before it, of the same modality; one query.

    Of several that were made at the same moment none is before the other.
    """
    rows = patient.scans.representatives().annotate(taken=TAKEN).order_by("modality", "taken", "pk")
    found: dict[UUID, UUID] = {}
    for _, same in groupby(rows.values_list("modality", "taken", "pk"), key=lambda row: row[0]):
        before: UUID | None = None
        for _, together in groupby(same, key=lambda row: row[1]):
            keys = [pk for _, _, pk in together]
            found |= dict.fromkeys(keys, before) if before else {}
            before = keys[-1]
    return found
