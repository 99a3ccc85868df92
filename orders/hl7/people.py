"""Whom a message names, and what it says of them: registered, put right, or proposed to be merged. ADT messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from diagnosis.actions.patient import receive_amendment, receive_patient
from diagnosis.models import Patient
from diagnosis.models.patient import Sex, fold
from orders.hl7.reading import Incoming, Unusable, day
from orders.models import MergeProposal, OrderSource
from orders.models.proposal import ProposalStatus

SEXES = {"F": Sex.FEMALE, "M": Sex.MALE, "O": Sex.OTHER, "A": Sex.OTHER, "N": Sex.OTHER}


@dataclass(frozen=True)
class Person:
    """PID: fields 3, 5, 7 and 8."""

    number: str
    family_name: str
    given_name: str
    birth_date: date | None
    sex: str

    @property
    def fields(self) -> dict[str, Any]:
        """What the message says, by field of the record; not what it leaves open."""
        said = {
            "family_name": self.family_name,
            "given_name": self.given_name,
            "birth_date": self.birth_date,
            "sex": self.sex,
        }
        return {name: value for name, value in said.items() if value}


def person_of(message: Incoming, source: OrderSource) -> Person:
    given = " ".join(filter(None, (message.get("PID", 5, 2), message.get("PID", 5, 3))))
    return Person(
        number_in(message, source, "PID", 3),
        message.get("PID", 5)[:120],
        given[:120],
        day(message.get("PID", 7)),
        SEXES.get(message.get("PID", 8).upper(), ""),
    )


def number_in(message: Incoming, source: OrderSource, segment: str, field: int) -> str:
    """The record number that is of the clinic's own authority; of an unnamed one only where it is the only number."""
    numbers = [_numbered(message, segment, field, rep) for rep in range(1, message.repetitions(segment, field) + 1)]
    own = source.assigning_authority
    found = {number for number, authority in numbers if number and (authority == own if own else len(numbers) == 1)}
    if not found and len(numbers) == 1 and not numbers[0][1]:
        found = {numbers[0][0]} - {""}
    if len(found) != 1:
        raise Unusable("several_numbers" if found else "no_number")
    return found.pop()[:64]


def _numbered(message: Incoming, segment: str, field: int, rep: int) -> tuple[str, str]:
    return message.get(segment, field, rep=rep), message.get(segment, field, 4, rep=rep)


def known(source: OrderSource, number: str) -> Patient | None:
    """The record of the clinic with this number; where none is written so, the one that differs in case only."""
    records = Patient.objects.in_clinic(source.clinic).select_related("merged_into", "clinic")
    if exact := records.filter(medical_record_number=number).first():
        return exact
    alike = list(records.filter(medical_record_number__iexact=number)[:2])
    if len(alike) > 1:
        raise Unusable("several_records")
    return alike[0] if alike else None


def patient_of(message: Incoming, source: OrderSource) -> Patient:
    """The record in use of whom the message names, registered where there is none. Raises Unusable where the message
    contradicts it: an order is then for somebody else.
    """
    return find_or_register(person_of(message, source), source)


def find_or_register(person: Person, source: OrderSource) -> Patient:
    """The same for a person, whatever said so."""
    patient = known(source, person.number)
    if patient is None:
        return _register(person, source)
    _require_agreement(person, patient.in_use)
    return patient.in_use


def keep_up(message: Incoming, source: OrderSource) -> Patient:
    """Register or update: ADT A01, A04, A05 and A08."""
    person = person_of(message, source)
    patient = known(source, person.number)
    if patient is None:
        return _register(person, source)
    patient.refresh_from_db(from_queryset=Patient.objects.select_for_update())  # nobody changes it until this is done
    if patient.merged_into:
        raise Unusable("merged")
    _require_agreement(person, patient)
    changed = {name: value for name, value in person.fields.items() if getattr(patient, name) != value}
    return receive_amendment(by=source.account, patient=patient, **changed) if changed else patient


def _register(person: Person, source: OrderSource) -> Patient:
    if not person.family_name:
        raise Unusable("no_name")
    fields = {"sex": Sex.UNKNOWN, **person.fields}
    return receive_patient(by=source.account, clinic=source.clinic, medical_record_number=person.number, **fields)


def _require_agreement(person: Person, patient: Patient) -> None:
    """Another birth date or sex, or both names, is a question for a person, never an overwrite."""
    if person.birth_date and patient.birth_date and person.birth_date != patient.birth_date:
        raise Unusable("birth_date")
    if person.sex and patient.sex not in (Sex.UNKNOWN, person.sex):
        raise Unusable("sex")
    pairs = ((person.family_name, patient.family_name), (person.given_name, patient.given_name))
    if all(said and kept and fold(said) != fold(kept) for said, kept in pairs):
        raise Unusable("names")


def propose_merge(message: Incoming, source: OrderSource) -> Patient:
    """ADT A40: MRG-1 is used no more, PID-3 stays. A person of the clinic decides; see ADR 0602."""
    gone = known(source, number_in(message, source, "MRG", 1))
    kept = known(source, number_in(message, source, "PID", 3))
    if kept is None:
        raise Unusable("unknown_patient")
    if gone and gone.in_use != kept.in_use:
        MergeProposal.objects.get_or_create(
            gone=gone.in_use,
            kept=kept.in_use,
            status=ProposalStatus.WAITING,
            defaults={"clinic": source.clinic, "source": source},
        )
    return kept.in_use
