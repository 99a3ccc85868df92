"""Whose study is this? By what its files say, compared with the records of one clinic; never a guess."""

from __future__ import annotations

from accounts.models import Clinic
from diagnosis.messages import Message
from diagnosis.models import Patient, Study
from diagnosis.scans import intake
from ml.imaging import DicomIdentity
from network.models import ErasedStudy
from network.models.erased_study import digest_of


def match(identity: DicomIdentity, clinic: Clinic) -> Patient | Message:
    """The patient, or why a person has to say who it is.

    The accession number of a study that is here comes first, then the record number. What either leads to must agree
    with everything that the file says. A record number alone, which another hospital may have given, needs name and
    birth date beside it.
    """
    found = _by_accession_number(identity, clinic) or _by_record_number(identity, clinic)
    if isinstance(found, Message):
        return found
    if intake.differences(identity, found):
        return why("disagrees")
    if _is_elsewhere(identity, found):
        return why("study_elsewhere")
    if _was_taken_back(identity, clinic):
        return why("taken_back")
    if _was_erased(identity, clinic):
        return why("erased")
    return found


def why(variant: str) -> Message:
    return Message("received", {"variant": variant})


def _by_accession_number(identity: DicomIdentity, clinic: Clinic) -> Patient | Message | None:
    """None where nobody's study has it, or where the file says too little of the person for anything to disagree."""
    confirms = _has_number(identity) or (intake.named_in(identity) and identity.birth_date)
    if not _has_accession_number(identity) or not confirms:
        return None
    studies = Study.objects.in_clinic(clinic).filter(accession_number=identity.accession_number)
    patients = list(Patient.objects.current().filter(pk__in=studies.values("patient"))[:2])
    if len(patients) > 1:
        return why("several")
    return patients[0] if patients else None


def _by_record_number(identity: DicomIdentity, clinic: Clinic) -> Patient | Message:
    if not _has_number(identity):
        return why("no_identifier")
    current = Patient.objects.in_clinic(clinic).current()
    patients = list(current.filter(medical_record_number__iexact=identity.patient_id)[:2])
    if not patients:
        return why("unknown_patient")
    if len(patients) > 1:
        return why("several")
    if not (intake.named_in(identity) and identity.birth_date):
        return why("incomplete")
    return patients[0]


def _has_number(identity: DicomIdentity) -> bool:
    return not intake.is_placeholder(identity.patient_id)


def _has_accession_number(identity: DicomIdentity) -> bool:
    """Some systems write noughts where they have none."""
    return bool(identity.accession_number.strip("0-. ")) and not intake.is_placeholder(identity.accession_number)


def names_anybody(identity: DicomIdentity) -> bool:
    return bool(_has_number(identity) or intake.named_in(identity))


def _is_elsewhere(identity: DicomIdentity, patient: Patient) -> bool:
    """One study is of one person: where its UID stands with another, one of the two is wrong."""
    if not identity.study_instance_uid:
        return False
    same = Study.objects.filter(clinic=patient.clinic_id, study_instance_uid=identity.study_instance_uid)
    return same.exclude(patient=patient).exists()


def _was_taken_back(identity: DicomIdentity, clinic: Clinic) -> bool:
    """Whether somebody took this study back, and nothing stands in its place."""
    if not identity.study_instance_uid:
        return False
    same = Study.with_withdrawn.in_clinic(clinic).filter(study_instance_uid=identity.study_instance_uid)
    return same.exists() and not same.filter(withdrawal=None).exists()


def _was_erased(identity: DicomIdentity, clinic: Clinic) -> bool:
    """Whether this study was deleted for good, and nothing stands in its place."""
    uid = identity.study_instance_uid
    if not uid or not ErasedStudy.objects.filter(clinic=clinic, digest=digest_of(uid)).exists():
        return False
    return not Study.objects.in_clinic(clinic).filter(study_instance_uid=uid).exists()
