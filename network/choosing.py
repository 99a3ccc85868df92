"""Which of the studies that an archive names are fetched: earlier ones of the chest, of this very person, not here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from diagnosis.models import Patient, Study
from diagnosis.scans import intake
from ml.imaging import DicomIdentity, PersonName
from ml.imaging.admission import MODALITIES
from ml.imaging.words import folded, names_elsewhere
from network import classes
from network.models import ErasedStudy, PriorRetrieval, ReceivedStudy, StudyStatus
from network.models.erased_study import digest_of

# More are whole-body or cardiac CT, for which a reader looks into the archive.
MOST_INSTANCES = 3000
# The archive's query takes them for wild cards, or for two numbers.
NOT_IN_A_NUMBER = "*?\\"


@dataclass(frozen=True)
class Named:
    """One study as the archive names it; `instances` is None where it does not say how many it has."""

    uid: str
    day: str
    modalities: tuple[str, ...]
    instances: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "day": self.day,
            "modalities": ", ".join(self.modalities),
            "state": "wanted",
            "count": 0,
        }


@dataclass
class Choice:
    """`theirs`: the archive named studies of the patient; `others`: of somebody else. `large`: some were left out for
    their size.
    """

    wanted: list[Named] = field(default_factory=list)
    theirs: bool = False
    others: bool = False
    large: bool = False


def can_be_asked(number: str) -> bool:
    """Whether a query for this record number asks for this one alone."""
    is_plain = number.isascii() and len(number) <= 64 and not set(NOT_IN_A_NUMBER) & set(number)
    return is_plain and not intake.is_placeholder(number)


def choose(answers: Iterable[Dataset], retrieval: PriorRetrieval, patient: Patient, *, before: date) -> Choice:
    """The newest ones that may be fetched, without those that are here. Whatever the archive says must agree with the
    record, and its number be the record's.
    """
    entity, choice = retrieval.entity, Choice()
    found: dict[str, Named] = {}
    for answer in answers:
        named = _named(answer)
        if named is None or named.day >= f"{before:%Y%m%d}" or not _may_be_chest(answer, named):
            continue
        if not _is_of(answer, patient, issuer=entity.patient_issuer):
            choice.others = True
            continue
        choice.theirs = True
        if (named.instances or 0) > MOST_INSTANCES:
            choice.large = True
        else:
            found[named.uid] = named
    newest = sorted(found.values(), key=lambda one: (one.day, one.uid), reverse=True)[: entity.priors_most]
    choice.wanted = [one for one in newest if not _is_here(one.uid, retrieval, patient)]
    return choice


def _named(answer: Dataset) -> Named | None:
    """None where it says no UID or no day."""
    uid, day = _text(answer, "StudyInstanceUID"), _text(answer, "StudyDate").replace(".", "")
    if not classes.UID.fullmatch(uid) or _day(day) is None:
        return None
    count = _text(answer, "NumberOfStudyRelatedInstances")
    return Named(uid, day, _modalities(answer), int(count) if count.isdecimal() else None)


def _modalities(answer: Dataset) -> tuple[str, ...]:
    value = answer.get("ModalitiesInStudy") or ""
    several = value if isinstance(value, MultiValue | list) else [value]
    return tuple(sorted({str(one).strip().upper()[:16] for one in several if str(one).strip()}))


def _may_be_chest(answer: Dataset, named: Named) -> bool:
    """What an archive leaves out speaks against nothing: the intake looks at each image."""
    if named.modalities and not set(named.modalities) & set(MODALITIES):
        return False
    return not names_elsewhere(folded(_text(answer, "StudyDescription")))


def _is_of(answer: Dataset, patient: Patient, *, issuer: str) -> bool:
    person = PersonName.parse(_text(answer, "PatientName"))
    said = DicomIdentity(
        patient_name=person.readable,
        person=person,
        patient_id=_text(answer, "PatientID"),
        birth_date=_day(_text(answer, "PatientBirthDate")),
    )
    theirs = _text(answer, "IssuerOfPatientID")
    if issuer and theirs and theirs != issuer:
        return False
    return not intake.is_placeholder(said.patient_id) and not intake.differences(said, patient)


def _is_here(uid: str, retrieval: PriorRetrieval, patient: Patient) -> bool:
    """Here, or taken back, deleted, turned away or undecided here; or fetched for another study of the patient.

    What this retrieval did not fetch to its end is fetched again.
    """
    clinic = retrieval.entity.clinic
    if any(one["uid"] == uid for one in retrieval.wanted()):
        return False
    undecided = ReceivedStudy.objects.in_clinic(clinic).filter(study_instance_uid=uid)
    return (
        Study.with_withdrawn.in_clinic(clinic).filter(study_instance_uid=uid).exists()
        or ErasedStudy.objects.filter(clinic=clinic, digest=digest_of(uid)).exists()
        or undecided.exclude(status=StudyStatus.ATTACHED).exists()
        or any(one.pk != retrieval.pk and one.brings(uid) for one in PriorRetrieval.objects.naming(uid, patient))
    )


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text.replace(".", ""), "%Y%m%d").date()  # noqa: DTZ007  a day
    except ValueError:
        return None


def _text(answer: Dataset, name: str) -> str:
    return str(answer.get(name) or "").replace("\0", "").strip()
