"""QIDO-RS: which studies, series and instances there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Concat
from django.http import HttpResponse
from rest_framework.request import Request

from diagnosis.api.files import stored_file
from diagnosis.audited import note_rows
from diagnosis.models import Scan, Study
from diagnosis.models.scan import ScanQuerySet
from diagnosis.models.study import ExaminedFrom, StudyQuerySet
from dicomweb import addresses, query
from dicomweb.accepting import json_type
from dicomweb.attributes import Attributes, series_attributes, study_attributes, value
from dicomweb.gathering import Gathered, gathered
from dicomweb.matching import Match, days, hours, modality, name, uids, whole_number, words
from dicomweb.metadata import metadata
from dicomweb.selecting import ORDER, SERIES_UID, STUDY_UID, images, listed, once, require_one, studies
from dicomweb.views.base import DicomWebView, as_json
from dicomweb.views.store import store_instances

NEWEST = "-series__study__received_at"
# Of an instance that a search finds, beside what is asked for (PS3.18 table 10.6.3-5).
OF_INSTANCE = (
    *("00080005", "00080016", "00080018", "0020000D", "0020000E", "00200013"),
    *("00280008", "00280010", "00280011", "00280100"),
)


# Matched with the row that stands for the study, also where series and instances are searched.
STUDY_KEYS: dict[str, Match] = {
    "StudyDate": days("examined_at", is_moment=True),
    "StudyTime": hours("examined_at", ~Q(examined_from=ExaminedFrom.PERSON)),
    "AccessionNumber": words("accession_number"),
    "ReferringPhysicianName": name("referring_physician"),
    "StudyDescription": words("description"),
    "PatientName": name("whole_name"),
    "PatientID": words("patient__medical_record_number"),
    "PatientBirthDate": days("patient__birth_date", is_moment=False),
    "PatientSex": words("patient__sex"),
    "StudyInstanceUID": uids("study_instance_uid"),
}
# With the images of the study.
IN_STUDY: dict[str, Match] = {"ModalitiesInStudy": modality("modality")}
SERIES_KEYS: dict[str, Match] = {
    "Modality": modality("modality"),
    "SeriesInstanceUID": uids(SERIES_UID),
    "SeriesNumber": whole_number("series__number"),
    "SeriesDescription": words("series__description"),
    "BodyPartExamined": words("series__body_part"),
}
INSTANCE_KEYS: dict[str, Match] = {
    "SOPInstanceUID": uids("sop_instance_uid"),
    "InstanceNumber": whole_number("instance_number"),
}


class _Search(DicomWebView):
    known = ()
    keys: ClassVar[dict[str, Match]] = {}

    def get(self, request: Request, **named: str) -> HttpResponse:
        json_type(request)  # before anything is looked for
        asked = query.read(request, self.keys)
        answer = as_json(request, self.find(request, asked, **named))
        if asked.fuzzy:
            answer.headers["Warning"] = query.LITERAL.format(host=request.get_host())
        return answer

    def find(self, request: Request, asked: query.Query, **named: str) -> list[Attributes]:
        raise NotImplementedError


class Studies(_Search):
    """What there is; and where to send more."""

    keys = STUDY_KEYS | IN_STUDY

    def post(self, request: Request) -> HttpResponse:
        return store_instances(request)

    def find(self, request: Request, asked: query.Query, **named: str) -> list[Attributes]:
        found = _matching(request, asked).select_related("patient").order_by("-received_at", "-pk")
        rows = list(asked.page(found))
        note_rows(Study, rows)
        return _studies(request, rows)


class SeriesOf(_Search):
    """Of one study, or of all."""

    keys = STUDY_KEYS | IN_STUDY | SERIES_KEYS

    def find(self, request: Request, asked: query.Query, **named: str) -> list[Attributes]:
        rows = _images(request, asked, named).order_by(NEWEST, *ORDER[:2])
        keys = list(asked.page(rows.values_list("patient", STUDY_UID, SERIES_UID).distinct()))
        by_study = gathered(request, [(patient, uid) for patient, uid, _ in keys])
        found = [by_study[patient, study][series] for patient, study, series in dict.fromkeys(keys)]
        note_rows(Study, [one.row.study for one in found])
        return [_series(request, one) for one in found]


class Instances(_Search):
    """Of one series, of one study, or of all."""

    keys = STUDY_KEYS | IN_STUDY | SERIES_KEYS | INSTANCE_KEYS

    def find(self, request: Request, asked: query.Query, **named: str) -> list[Attributes]:
        rows = _images(request, asked, named).select_related("series__study", "patient").order_by(NEWEST, *ORDER)
        found = once(asked.page(rows))
        note_rows(Scan, found)
        by_image = listed(request, found)
        return [_instance(request, scan, by_image.get(scan.pk), asked) for scan in found]


def _whole_name() -> Case:
    """As it is answered: without what parts a name from nothing."""
    both = Concat("patient__family_name", Value("^"), "patient__given_name")
    return Case(When(patient__given_name="", then=F("patient__family_name")), default=both)


def _matching(request: Request, asked: query.Query) -> StudyQuerySet:
    found = studies(request).annotate(whole_name=_whole_name()).filter(asked.where(STUDY_KEYS))
    if with_images := asked.where(IN_STUDY):
        same = images(request).filter(with_images, patient=OuterRef("patient"))
        found = found.filter(Exists(same.filter(**{STUDY_UID: OuterRef("study_instance_uid")})))
    return found


def _images(request: Request, asked: query.Query, named: dict[str, str]) -> ScanQuerySet:
    path = {way: named[name] for name, way in (("study", STUDY_UID), ("series", SERIES_UID)) if name in named}
    there = images(request).filter(**path)
    if path:
        require_one(there)
    if asked.where(STUDY_KEYS | IN_STUDY):
        same = _matching(request, asked).filter(patient=OuterRef("patient"))
        there = there.filter(Exists(same.filter(study_instance_uid=OuterRef(STUDY_UID))))
    return there.filter(asked.where(SERIES_KEYS | INSTANCE_KEYS))


def _studies(request: Request, rows: Sequence[Study]) -> list[Attributes]:
    by_study = gathered(request, [(row.patient_id, row.study_instance_uid) for row in rows])
    return [_study(request, row, by_study[row.patient_id, row.study_instance_uid].values()) for row in rows]


def _study(request: Request, row: Study, series: Collection[Gathered]) -> Attributes:
    told = study_attributes(
        row,
        study_id=next((one.study_id for one in series), ""),
        modalities=sorted({one.modality for one in series}),
        series=len(series),
        instances=sum(one.instances for one in series),
    )
    return told | addresses.retrieve(request, row.study_instance_uid)


def _series(request: Request, one: Gathered) -> Attributes:
    told = series_attributes(one.row, modality=one.modality, instances=one.instances)
    uid = one.row.study.study_instance_uid
    return told | addresses.retrieve(request, uid, one.row.series_instance_uid)


def _instance(request: Request, scan: Scan, study: Study | None, asked: query.Query) -> Attributes:
    with stored_file(scan.pk):
        everything = metadata(scan, study)
    wanted = everything.keys() if asked.everything else {*OF_INSTANCE, *asked.include}
    told = {tag: everything[tag] for tag in sorted(wanted & everything.keys())}
    return told | {"00080056": value("CS", "ONLINE")} | addresses.retrieve(request, *addresses.uids_of(scan))
