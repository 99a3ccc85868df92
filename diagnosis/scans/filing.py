"""Filing: which study and which series an image belongs to.

DICOM files say it by their UIDs; what says nothing is an examination of its own. One study is of one modality: what is
analysed and read together. Two examinations of one visit may bring one study UID, and are two studies here if one is an
X-ray and the other a CT.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.timezone import localtime

from accounts.models import User
from diagnosis.models import Correction, Patient, Scan, Series, Study
from diagnosis.models.correction import CorrectionKind
from diagnosis.models.modality import Modality
from diagnosis.models.study import ExaminedFrom, StudyQuerySet
from diagnosis.scans.request import WORDS, Request, dated, worded

IN_FILES = ("referring_physician", "clinical_question")  # those of WORDS that a header may say


@dataclass(frozen=True)
class Address:
    """What a file says about where it belongs; empty where it says nothing."""

    study_instance_uid: str = ""
    series_instance_uid: str = ""
    accession_number: str = ""
    examined_at: datetime | None = None
    description: str = ""
    referring_physician: str = ""
    clinical_question: str = ""
    guessed_at: datetime | None = None  # by a photograph, which has no header
    # What its series is, as model fields of Series
    series: Mapping[str, Any] = field(default_factory=dict)


class Filing:
    """Files the images of one patient that come in together, in one transaction.

    The caller holds the patient's row until it ends, so that two files of one study that come at once do not make two,
    and what was found once need not be looked for again.
    """

    def __init__(self, patient: Patient, *, by: User, at: datetime, request: Request | None = None) -> None:
        self._patient, self._by, self._at = patient, by, at
        self._request = request or Request()
        self._studies: dict[Hashable, Study] = {}
        self._series: dict[tuple[UUID, str], Series] = {}

    def find_series(self, modality: Modality, address: Address) -> Series:
        """The series for an image, made where there is none yet; with its study."""
        study = self._study(modality, address)
        uid = address.series_instance_uid
        if not uid:
            return Series.objects.create(study=study, **address.series)
        if (study.pk, uid) not in self._series:
            series, _ = Series.objects.get_or_create(study=study, series_instance_uid=uid, defaults=address.series)
            series.study = study
            self._series[study.pk, uid] = series
        return self._series[study.pk, uid]

    def _study(self, modality: Modality, address: Address) -> Study:
        name = _name(modality, address)
        study = self._studies.get(name) or _find_study(self._patient, modality, address, self._request)
        dates = dated(self._request, in_file=address.examined_at, guessed=address.guessed_at)
        words = worded(self._request, {name: getattr(address, name) for name in IN_FILES})
        if study is None:
            study = self._new_study(modality, address, {**dates, **words})
        elif learnt := {**_better_date(study, dates), **_missing_words(study, words)}:
            _learn(study, learnt)
        if name:
            self._studies[name] = study
        return study

    def _new_study(self, modality: Modality, address: Address, said: Mapping[str, Any]) -> Study:
        return Study.objects.create(
            clinic=self._patient.clinic,
            patient=self._patient,
            modality=modality,
            study_instance_uid=address.study_instance_uid,
            accession_number=address.accession_number,
            description=address.description,
            received_at=self._at,
            received_from=self._by,
            batch=self._request.examination,
            fetched_from=self._request.prior_from,
            **said,
        )


def _name(modality: Modality, address: Address) -> Hashable:
    """What leads every file that says it to one study; None where more than the file decides."""
    if address.study_instance_uid:
        return modality, "study", address.study_instance_uid
    if address.accession_number:
        return modality, "accession", address.accession_number
    return None


def _learn(study: Study, learnt: Mapping[str, Any]) -> None:
    for name, value in learnt.items():
        setattr(study, name, value)
    study.save(update_fields=[*learnt])


def _better_date(study: Study, dates: Mapping[str, Any]) -> dict[str, Any]:
    """A header's word replaces a person's or a guess, and the earlier of two headers counts."""
    found = dates["examined_at"]
    if found is None or study.examined_at is None:
        return dict(dates) if found else {}
    if dates["examined_from"]:
        return {}
    return dict(dates) if study.examined_from or found < study.examined_at else {}


def _missing_words(study: Study, words: Mapping[str, Any]) -> dict[str, Any]:
    """What was empty so far. Nothing that somebody said before is replaced."""
    new = {name: words[name] for name in (*WORDS, "priority") if words[name] and not getattr(study, name)}
    named = [name for name in words["from_file"] if name in new]
    return {**new, "from_file": [*study.from_file, *named]} if named else new


def _find_study(patient: Patient, modality: Modality, address: Address, request: Request) -> Study | None:
    """The patient's study that the file names: by study UID, else by accession number, else by series UID.

    A file that names neither of the first two belongs where the sender says.
    """
    same = Study.objects.filter(patient=patient, modality=modality)
    # What a person split off keeps the identifiers, and takes no file that only brings the same ones.
    split_off = Correction.objects.filter(kind=CorrectionKind.SPLIT_STUDY, target_study__patient=patient)
    same = same.exclude(pk__in=split_off.values("target_study"))
    if address.study_instance_uid:
        found = same.filter(study_instance_uid=address.study_instance_uid)
    elif address.accession_number:
        found = same.filter(study_instance_uid="", accession_number=address.accession_number)
    elif request.examination:
        found = _of_batch(same, request.examination, address.guessed_at)
    elif address.series_instance_uid:
        found = same.filter(study_instance_uid="", series__series_instance_uid=address.series_instance_uid)
    else:
        return None
    return found.order_by("received_at", "pk").first()


def _of_batch(same: StudyQuerySet, examination: UUID, guessed_at: datetime | None) -> StudyQuerySet:
    """Photographs of two days are not one examination, whatever was said of them together."""
    found = same.filter(Q(pk=examination) | Q(batch=examination))
    if guessed_at is None:
        return found
    another_day = Q(examined_from=ExaminedFrom.GUESSED) & ~Q(examined_at__date=localtime(guessed_at).date())
    return found.exclude(another_day)


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
