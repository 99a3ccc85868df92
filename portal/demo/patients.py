"""Invented people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from accounts.models import Clinic, User
from diagnosis.actions.patient import register_patient
from diagnosis.models import Patient
from diagnosis.models.patient import Sex


@dataclass(frozen=True)
class Person:
    number: str
    family_name: str
    given_name: str
    birth_date: date
    sex: Sex

    @property
    def dicom_name(self) -> str:
        return f"{self.family_name}^{self.given_name}"


PEOPLE = (
    Person("DEMO-0001", "Abernathy", "Juno", date(1951, 4, 2), Sex.FEMALE),
    Person("DEMO-0002", "Bélanger", "Théo", date(1987, 11, 19), Sex.MALE),
    Person("DEMO-0003", "Castellanos", "Inés", date(1969, 7, 30), Sex.FEMALE),
    Person("DEMO-0004", "Dvořák", "Matěj", date(1944, 1, 8), Sex.MALE),
    Person("DEMO-0005", "Eriksen", "Saga", date(2001, 9, 23), Sex.FEMALE),
    Person("DEMO-0006", "Farouk", "Nadim", date(1978, 2, 14), Sex.MALE),
)


def ensure_patients(clinic: Clinic, *, by: User) -> dict[str, Patient]:
    """Every person of PEOPLE as a patient of `clinic`, by record number."""
    return {person.number: _ensure(person, clinic, by) for person in PEOPLE}


def _ensure(person: Person, clinic: Clinic, by: User) -> Patient:
    known = Patient.objects.in_clinic(clinic).filter(medical_record_number=person.number).first()
    return known or register_patient(
        by=by,
        clinic=clinic,
        medical_record_number=person.number,
        family_name=person.family_name,
        given_name=person.given_name,
        birth_date=person.birth_date,
        sex=person.sex,
    )
