"""The series of studies with what a search tells of each: how many instances, and of what modality."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from rest_framework.request import Request

from diagnosis.errors import FileRefused, IntakeUnavailable
from diagnosis.models import Scan, Series
from diagnosis.models.modality import Modality
from dicomweb.attributes import Attributes
from dicomweb.metadata import metadata
from dicomweb.selecting import images

log = logging.getLogger(__name__)
MODALITY, STUDY_ID = "00080060", "00200010"


@dataclass
class Gathered:
    """One series as DICOM has it; the rows of an X-ray and of a CT may share its UIDs."""

    row: Series
    instances: int
    modality: str
    study_id: str


Key = tuple[UUID, str]  # patient and study UID
ByStudy = dict[Key, dict[str, Gathered]]


def gathered(request: Request, keys: Iterable[Key]) -> ByStudy:
    """All series of the studies that `keys` name."""
    wanted = set(keys)
    rows = list(_rows(request, wanted))
    firsts = Scan.objects.select_related("series__study", "patient").in_bulk([row.first_image for row in rows])
    found: ByStudy = defaultdict(dict)
    for row in rows:
        key = row.study.patient_id, row.study.study_instance_uid
        if key not in wanted:
            continue
        if row.series_instance_uid not in found[key]:
            found[key][row.series_instance_uid] = Gathered(row, 0, *_words(firsts[row.first_image]))
        found[key][row.series_instance_uid].instances += row.instances
    return found


def _rows(request: Request, wanted: set[Key]) -> Any:
    shown = images(request).filter(series=OuterRef("pk")).order_by("instance_number", "uploaded_at", "pk")
    counted = shown.order_by().values("series").annotate(number=Count("sop_instance_uid", distinct=True))
    rows = Series.objects.select_related("study__patient").annotate(
        first_image=Subquery(shown.values("pk")[:1]),
        instances=Coalesce(Subquery(counted.values("number")), 0),
    )
    of_studies = Q(
        study__patient__in={patient for patient, _ in wanted}, study__study_instance_uid__in={uid for _, uid in wanted}
    )
    return rows.filter(of_studies).exclude(first_image=None).order_by("number", "series_instance_uid", "pk")


def _words(scan: Scan) -> tuple[str, str]:
    """The file's words for modality and study ID, of which the rows have none.

    Where it cannot be read now, only what is certain: a CT is a CT, an X-ray has several words.
    """
    try:
        told = metadata(scan)
    except (FileRefused, IntakeUnavailable, OSError):
        log.warning("the header of scan %s could not be read", scan.pk, exc_info=True)
        told = {}
    surely = "CT" if scan.modality == Modality.CT else ""
    return _word(told, MODALITY) or surely, _word(told, STUDY_ID)


def _word(told: Attributes, tag: str) -> str:
    return str(next(iter(told.get(tag, {}).get("Value", [])), None) or "")
