from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.request import Request

from diagnosis.api import scope
from diagnosis.interchange.fhir.elements import Resource, relative
from diagnosis.interchange.fhir.patients import GENDERS, patient
from diagnosis.models import Patient
from fhir import values
from fhir.changes import latest, newest
from fhir.kinds import Include, RowKind, Source

GENDER_SYSTEM = "http://hl7.org/fhir/administrative-gender"
URN = "urn:uuid:"


def _rows(request: Request) -> QuerySet[Any]:
    changed = latest("created_at", newest(Patient.history.model, "history_date", id="pk"))
    return scope.visible(Patient.objects.all(), request).select_related("clinic").annotate(changed=changed)


def _build(request: Request, rows: Sequence[Any]) -> list[Resource]:
    return [patient(row, link=relative) for row in rows]


def by_number(path: str = "") -> values.Find:
    """A record number, of one clinic where the token names its system; `path`: from the row to the patient."""

    def find(value: str) -> Q:
        system, number = values.split_token(value)
        found = Q(**{f"{path}medical_record_number": number})
        if not system:
            return found
        clinic = values.key(system.removeprefix(URN))
        return found & Q(**{f"{path}clinic": clinic}) if clinic else values.NOTHING

    return find


def of_patient(path: str) -> dict[str, values.Find]:
    """The parameters by which anything of a patient is found; `path`: from the row to the patient."""
    named = values.reference(path, "Patient")
    return {"patient": named, "subject": named, "patient.identifier": by_number(f"{path}__")}


OF_PATIENT = {"patient": "reference", "subject": "reference", "patient.identifier": "token"}
INCLUDED = Include("Patient", lambda row: [row.study.patient_id])
_FIND = {
    "_lastUpdated": values.moment("changed"),
    "identifier": by_number(),
    "name": values.text("family_name", "given_name"),
    "family": values.text("family_name"),
    "given": values.text("given_name"),
    "birthdate": values.day("birth_date"),
    "gender": values.token("sex", system=GENDER_SYSTEM, codes={word: str(sex) for sex, word in GENDERS.items()}),
    "active": lambda value: {"true": Q(merged_into=None), "false": ~Q(merged_into=None)}.get(value, values.NOTHING),
}
PATIENT = RowKind(
    "Patient",
    [Source(Patient, _rows, "created_at", _build, _FIND)],
    {
        "_id": "token",
        "_lastUpdated": "date",
        "identifier": "token",
        "name": "string",
        "family": "string",
        "given": "string",
        "birthdate": "date",
        "gender": "token",
        "active": "token",
    },
)
