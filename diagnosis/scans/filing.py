"""Filing: which study and which series an image belongs to.

DICOM files say it by their UIDs; what says nothing is an examination of its own. One study is of one modality: what is
analysed and read together. Two examinations of one visit may bring one study UID, and are two studies here if one is an
X-ray and the other a CT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import User
from diagnosis.models import Correction, Patient, Scan, Series, Study
from diagnosis.models.correction import CorrectionKind
from diagnosis.models.modality import Modality


@dataclass(frozen=True)
class Address:
    """What a file says about where it belongs; empty where it says nothing."""

    study_instance_uid: str = ""
    series_instance_uid: str = ""
    accession_number: str = ""
    examined_at: datetime | None = None
    description: str = ""
    referring_physician: str = ""
    # What its series is, as model fields of Series
    series: Mapping[str, Any] = field(default_factory=dict)


def find_series(*, patient: Patient, modality: Modality, address: Address, by: User, at: datetime) -> Series:
    """The series for an image that comes in at `at`, made where there is none yet; with its study.

    The caller holds the patient's row, so that two files of one study that come at once do not make two.
    """
    study = _study(patient, modality, address)
    if study is None:
        study = Study.objects.create(
            clinic=patient.clinic,
            patient=patient,
            modality=modality,
            study_instance_uid=address.study_instance_uid,
            accession_number=address.accession_number,
            description=address.description,
            referring_physician=address.referring_physician,
            examined_at=address.examined_at,
            received_at=at,
            received_from=by,
        )
    elif address.examined_at and (study.examined_at is None or address.examined_at < study.examined_at):
        Study.objects.filter(pk=study.pk).update(examined_at=address.examined_at)
    return _series(study, address)


def _study(patient: Patient, modality: Modality, address: Address) -> Study | None:
    """The patient's study that the file names: by study UID, else by accession number, else by series UID."""
    same = Study.objects.filter(patient=patient, modality=modality)
    # What a person split off keeps the identifiers, and takes no file that only brings the same ones.
    split_off = Correction.objects.filter(kind=CorrectionKind.SPLIT_STUDY, target_study__patient=patient)
    same = same.exclude(pk__in=split_off.values("target_study"))
    if address.study_instance_uid:
        found = same.filter(study_instance_uid=address.study_instance_uid)
    elif address.accession_number:
        found = same.filter(study_instance_uid="", accession_number=address.accession_number)
    elif address.series_instance_uid:
        found = same.filter(study_instance_uid="", series__series_instance_uid=address.series_instance_uid)
    else:
        return None
    return found.order_by("received_at", "pk").first()


def _series(study: Study, address: Address) -> Series:
    if address.series_instance_uid:
        return Series.objects.get_or_create(
            study=study,
            series_instance_uid=address.series_instance_uid,
            defaults=address.series,
        )[0]
    return Series.objects.create(study=study, **address.series)


def represent(study: Study) -> None:
    """Choose the image that stands for the study: a frontal one, or the middle slice of its largest series."""
    images = list(Scan.objects.filter(series__study=study).select_related("series"))
    chosen = choose_representative(images)
    kept = {"representative": chosen, "emptied_of": None} if chosen else {"representative": None}
    Study.objects.filter(pk=study.pk).update(**kept)
    study.refresh_from_db(fields=["representative", "emptied_of"])


def choose_representative(images: Iterable[Scan]) -> Scan | None:
    """None of none. Images that get no probability stand for the study only where there is no other."""
    found = list(images)
    if not found:
        return None
    classified = [image for image in found if not image.not_classified_code] or found
    by_series: dict[UUID, list[Scan]] = {}
    for image in classified:
        by_series.setdefault(image.series_id, []).append(image)
    largest = max(by_series.values(), key=lambda group: (len(group), group[0].in_series, str(group[0].series_id)))
    if not largest[0].in_series:
        return min(classified, key=lambda image: (image.uploaded_at, image.pk))
    ordered = sorted(largest, key=lambda image: (image.instance_number or 0, image.uploaded_at))
    return ordered[len(ordered) // 2]
