"""What ensembles and classifiers predicted, as the API shows it: not while the result is hidden from the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from rest_framework.request import Request

from accounts.models import Clinic
from accounts.permissions import Permission
from diagnosis.api import scope
from diagnosis.interchange.fhir.devices import maker
from diagnosis.interchange.fhir.elements import OBSERVATION_CATEGORY, OWN, Resource, relative
from diagnosis.interchange.fhir.results import ENTERED_IN_ERROR, PRELIMINARY, identities, label_of, observation
from diagnosis.models import Analysis, EnsemblePrediction, Prediction, Withdrawal
from diagnosis.results import intended_use
from diagnosis.rules.blinding import RESULT_HIDDEN
from diagnosis.rules.classifiers import Stop, Stops, panel_name
from diagnosis.states import AnalysisStatus
from fhir import values
from fhir.changes import corrected, latest, newest, ruled
from fhir.kinds import Include, RowKind, Source
from fhir.resources.devices import named
from fhir.resources.patients import OF_PATIENT, of_patient

STATUS_SYSTEM = "http://hl7.org/fhir/observation-status"
STUDY = "analysis__study"


_OF_PANEL = Q(subject=Concat(Value(panel_name("")), OuterRef(f"{STUDY}__modality")))


def _shown(rows: QuerySet[Any], request: Request, *, about: Q | None = None) -> QuerySet[Any]:
    """Of analyses that succeeded, in clinics in which the person reads results. `about`: the rules that concern one."""
    clinics = Clinic.objects.where(scope.person(request), Permission.VIEW_RESULT)
    found = rows.filter(analysis__status=AnalysisStatus.SUCCEEDED, analysis__study__clinic__in=clinics)
    rules = ruled(f"{STUDY}__clinic", about)
    gone = (newest(Withdrawal, name, study="analysis__study") for name in ("made_at", "undone_at"))
    changed = latest("created_at", "analysis__finished_at", *corrected(f"{STUDY}__patient"), *gone, rules)
    return found.select_related(STUDY).annotate(
        hidden=scope.hides_result(request, STUDY),
        stands=Exists(Analysis.objects.filter(pk=OuterRef("analysis")).with_all_images()),
        changed=changed,
    )


def _combined(request: Request) -> QuerySet[Any]:
    found = scope.visible(EnsemblePrediction.objects.filter(analysis__study__withdrawal=None), request)
    return _shown(found, request).prefetch_related("analysis__predictions")


def _single(request: Request) -> QuerySet[Any]:
    about = Q(subject=OuterRef("classifier")) | _OF_PANEL
    return _shown(scope.visible(Prediction.objects.all(), request), request, about=about)


def _build_combined(request: Request, rows: Sequence[Any]) -> list[Resource]:
    return [_resource(row, stops, members=list(row.analysis.predictions.all())) for row, stops in _stopped(rows)]


def _build_single(request: Request, rows: Sequence[Any]) -> list[Resource]:
    return [_resource(row, stops, members=[]) for row, stops in _stopped(rows)]


def _stopped(rows: Sequence[Any]) -> Iterator[tuple[Any, list[Stop]]]:
    """Each row with the stops of the classifiers that gave it; a query for each clinic."""
    of_clinics = {key: Stops.of(key) for key in {row.analysis.study.clinic_id for row in rows}}
    for row in rows:
        study = row.analysis.study
        yield row, of_clinics[study.clinic_id].among(study.modality, identities(row))


def _resource(row: Any, stops: Sequence[Stop], *, members: list[Prediction]) -> Resource:
    note = intended_use.sentence()
    return observation(row, row.analysis, members=members, link=relative, note=note, stops=stops, stands=row.stands)


def _code(value: str) -> Q:
    system, code = values.split_token(value)
    label = label_of(code)
    return Q(operating_point__positive_label=label) if system in (None, OWN) and label else values.NOTHING


def _by_device(*, combined: bool) -> values.Find:
    def find(value: str) -> Q:
        one = named(values.target(value, "Device"))
        if one is None or bool(one.members) != combined:
            return values.NOTHING
        if combined:
            return Q(ensemble=one.name, version=one.version, members=list(one.members))
        return Q(classifier=one.name, version=one.version, weights_sha256=one.weights_sha256)

    return find


def _status(value: str) -> Q:
    system, code = values.split_token(value)
    stands = {PRELIMINARY: True, ENTERED_IN_ERROR: False}.get(code)
    return values.NOTHING if stands is None or system not in (None, STATUS_SYSTEM) else Q(stands=stands)


_FIND = {
    "_lastUpdated": values.moment("changed"),
    **of_patient(f"{STUDY}__patient"),
    "code": _code,
    "status": _status,
    "category": values.constant("imaging", system=OBSERVATION_CATEGORY),
    "date": values.moment("analysis__finished_at"),
    "derived-from": values.reference(STUDY, "ImagingStudy"),
}
_OF_PATIENT = Include("Patient", lambda row: [row.analysis.study.patient_id])
OBSERVATION = RowKind(
    "Observation",
    [
        Source(
            EnsemblePrediction,
            _combined,
            "created_at",
            _build_combined,
            _FIND | {"device": _by_device(combined=True)},
            why_hidden=RESULT_HIDDEN,
        ),
        Source(
            Prediction,
            _single,
            "created_at",
            _build_single,
            _FIND | {"device": _by_device(combined=False)},
            why_hidden=RESULT_HIDDEN,
        ),
    ],
    {
        "_id": "token",
        "_lastUpdated": "date",
        **OF_PATIENT,
        "code": "token",
        "status": "token",
        "category": "token",
        "date": "date",
        "derived-from": "reference",
        "device": "reference",
    },
    {
        "Observation:patient": _OF_PATIENT,
        "Observation:subject": _OF_PATIENT,
        "Observation:derived-from": Include("ImagingStudy", lambda row: [row.analysis.study_id]),
        "Observation:device": Include("Device", lambda row: [maker(row).key]),
    },
)
