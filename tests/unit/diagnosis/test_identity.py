"""One SOP Instance UID is one image: the same again, a question, or a refusal; never silence."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from diagnosis.actions.patient import register_patient
from diagnosis.actions.receiving import Upload
from diagnosis.actions.scan import upload_scan
from diagnosis.errors import AttachedElsewhere, IdentityMismatch
from diagnosis.models import Patient, Scan
from tests.images import xray_dicom

pytestmark = pytest.mark.django_db
UID = "1.2.826.0.1.3680043.8.498.7"


def send(by: User, patient: Patient, *, seed: int = 1, confirmed: bool = False, **header: Any) -> Upload:
    data = xray_dicom(seed=seed, overrides={"SOPInstanceUID": UID, **header})
    return upload_scan(by=by, patient=patient, data=data, name="a.dcm", identity_confirmed=confirmed)


@pytest.fixture
def other(patient: Patient, radiographer: User) -> Patient:
    return register_patient(
        by=radiographer, clinic=patient.clinic, medical_record_number="MRN-0002", family_name="Holm", given_name="Per"
    )


@pytest.mark.parametrize("hash_kept", [True, False])
def test_the_same_image_exported_again_is_the_earlier_one(
    patient: Patient, radiographer: User, hash_kept: bool
) -> None:
    first = send(radiographer, patient).scan
    if not hash_kept:  # a row from before it was kept
        Scan.objects.update(pixel_sha256="")
    again = send(radiographer, patient, InstitutionName="Another name for the clinic")
    assert (again.scan, again.duplicate) == (first, True)
    assert Scan.objects.get().pixel_sha256


def test_one_uid_with_other_pixels_is_a_question(patient: Patient, radiographer: User) -> None:
    first = send(radiographer, patient).scan
    with pytest.raises(IdentityMismatch) as asked:
        send(radiographer, patient, seed=2)
    (difference,) = asked.value.differences
    assert (difference.field, difference.in_file) == ("image", UID)
    kept = send(radiographer, patient, seed=2, confirmed=True).scan
    assert kept != first
    assert UID in kept.identity_note


def test_the_same_image_of_another_patient_is_refused(patient: Patient, other: Patient, radiographer: User) -> None:
    send(radiographer, patient)
    with pytest.raises(AttachedElsewhere):
        send(radiographer, other, confirmed=True, InstitutionName="Another name for the clinic")


def test_one_uid_with_other_pixels_of_another_patient_is_a_question(
    patient: Patient, other: Patient, radiographer: User
) -> None:
    send(radiographer, patient)
    with pytest.raises(IdentityMismatch) as asked:
        send(radiographer, other, seed=2)
    assert str(patient) in asked.value.differences[0].in_record


def test_another_clinics_image_is_nobodys_business(patient: Patient, radiographer: User, stranger: User) -> None:
    send(radiographer, patient)
    clinic = stranger.memberships.get().clinic
    theirs = register_patient(by=stranger, clinic=clinic, medical_record_number="MRN-0001", family_name="Berg")
    assert not send(stranger, theirs, seed=2).duplicate
