"""The unmatched worklist: who gets to it, and what becomes of a study by a person's decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from accounts.permissions import Permission
from accounts.roles import ROLES
from audit.models import AuditEvent
from diagnosis.actions.confidentiality import lift_confidentiality, mark_confidential
from diagnosis.actions.deletion import confirm_deletion, request_deletion
from diagnosis.models import Patient, Scan, Study
from diagnosis.rules.deletions import contents
from network import sorting, spool
from network.models import InstanceStatus, ReceivedInstance, ReceivedStudy, RemoteEntity, StudyStatus
from network.models.addresses import read_address
from network.rates import Rate
from tests.factories import new_case
from tests.images import xray_dicom
from tests.unit.network.arriving import attach, turn

CLASS = "1.2.840.10008.5.1.4.1.1.1.1"
pytestmark = pytest.mark.django_db


@pytest.fixture
def entity(clinic: Clinic) -> RemoteEntity:
    return RemoteEntity.objects.create(clinic=clinic, title="MODALITY", networks="192.0.2.0/24")


@pytest.fixture
def arrive(entity: RemoteEntity) -> Callable[..., ReceivedInstance]:
    """`arrive(patient_id="7")`: an instance that the listener has stored and a worker has sorted."""

    def make(data: bytes | None = None, sop_class: str = CLASS, **header: Any) -> ReceivedInstance:
        data = data or xray_dicom(**header)
        row = ReceivedInstance.objects.create(
            clinic=entity.clinic,
            entity=entity,
            sop_class_uid=sop_class,
            sop_instance_uid=f"1.2.{ReceivedInstance.objects.count()}",
            byte_size=len(data),
            address="192.0.2.17",
            received_at=timezone.now(),
        )
        spool.write(row.pk, [data])
        sorting.sort_some(seconds=600)
        row.refresh_from_db()
        return row

    return make


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(name: str, row: Any = None) -> str:
    return reverse(f"network:{name}", args=[row.pk] if row else [])


def test_who_may_match(
    arrive: Callable[..., ReceivedInstance], member: Callable[..., User], other_clinic: Clinic
) -> None:
    row = arrive(patient_id="NOBODY", patient_name="Quist^Ole")
    assert row.study
    faults = []
    for role, at in [(role, None) for role in ROLES] + [("radiographer", other_clinic)]:
        client = client_of(member(role, at=at))
        may = Permission.MATCH_STUDY in ROLES[role].permissions
        expected = 404 if at else 200 if may else 403
        for name, subject in (
            ("received-study", row.study),
            ("received-register", row.study),
            ("received-preview", row),
        ):
            status = client.get(address(name, subject)).status_code
            faults += [(role, at, name, status)] if status != expected else []
        for name in ("received-attach", "received-reject", "received-bring-back"):
            status = client.post(address(name, row.study)).status_code
            faults += [(role, at, name, status)] if not may and status != expected else []
        page = client.get(address("received"))
        assert page.status_code == (200 if may else 403)
        assert (b"Quist" in page.content) == (may and at is None)
    assert faults == []


def test_compared_attached_and_once_only(
    arrive: Callable[..., ReceivedInstance], radiographer: User, patient: Patient
) -> None:
    row = arrive(patient_id="WRONG", patient_name="Berg^Alma", birth_date=date(1958, 3, 14))
    assert row.study
    client = client_of(radiographer)
    found = client.get(address("received-study", row.study), {"q": "berg"})
    assert b"MRN-0001" in found.content
    page = client.get(address("received-study", row.study), {"patient": patient.pk})
    assert page.content.count(b"pill-warning") == 1, "the record number alone differs"
    attach = address("received-attach", row.study)
    blind = client.post(attach, {"patient": patient.pk, "comparison": ""})
    assert blind.status_code == 409
    given = {"patient": patient.pk, "comparison": page.context["compared"]["comparison"]}
    assert client.post(attach, given).status_code == 302
    entry = AuditEvent.objects.latest("pk")
    assert (entry.patient, entry.detail["differences"]) == (patient.pk, "1")
    sorting.sort_some(seconds=600)
    scan = Scan.objects.get()
    assert scan.patient == patient
    assert "WRONG" in scan.identity_note
    client.post(address("received-reject", row.study), {"reason": "Too late."})
    row.study.refresh_from_db()
    assert row.study.status == StudyStatus.ATTACHED
    # From now on it is a look at that patient.
    assert client.get(address("received-study", row.study)).status_code == 200
    assert AuditEvent.objects.latest("pk").patient == patient.pk


def test_registered_from_the_header(
    arrive: Callable[..., ReceivedInstance], radiographer: User, patient: Patient
) -> None:
    row = arrive(patient_id="NEW-1", patient_name="Berg^Alma", birth_date=date(1958, 3, 14), sex="F")
    client = client_of(radiographer)
    form = client.get(address("received-register", row.study)).context["form"]
    assert form["family_name"].value() == "Berg"
    fields = {name: form[name].value() or "" for name in form.fields}
    doubtful = client.post(address("received-register", row.study), fields)
    assert doubtful.status_code == 409, "there is a record of this name and birth date"
    sure = client.post(address("received-register", row.study), {**fields, "compared": [patient.pk]})
    assert sure.status_code == 302
    sorting.sort_some(seconds=600)
    assert Scan.objects.get().patient.medical_record_number == "NEW-1"


def test_rejected_and_brought_back(arrive: Callable[..., ReceivedInstance], radiographer: User) -> None:
    row = arrive(patient_id="NOBODY")
    client = client_of(radiographer)
    assert client.post(address("received-reject", row.study), {"reason": ""}).status_code == 422
    client.post(address("received-reject", row.study), {"reason": "A test of the modality."})
    row.refresh_from_db()
    assert row.status == InstanceStatus.REJECTED
    assert b"A test of the modality." in client.get(address("received-rejected")).content
    late = arrive(patient_id="NOBODY")
    assert late.reason_params == {"variant": "after_rejection"}
    late.study.refresh_from_db()  # type: ignore[union-attr]
    assert late.study == row.study
    assert late.study.status == StudyStatus.WAITING  # type: ignore[union-attr]


def test_what_no_one_can_show(
    arrive: Callable[..., ReceivedInstance], patient: Patient, radiographer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report about a known patient is kept beside the study; what is no DICOM at all waits, and harms nothing."""
    known = {"patient_id": "MRN-0001", "patient_name": "Berg^Alma", "birth_date": date(1958, 3, 14)}
    kept = arrive(sop_class="1.2.840.10008.5.1.4.1.1.88.11", **known)
    assert (kept.status, kept.study.patient) == (InstanceStatus.KEPT, patient)  # type: ignore[union-attr]
    broken = arrive(data=b"\0" * 128 + b"DICM" + b"broken" * 50)
    assert broken.status == InstanceStatus.WAITING
    assert client_of(radiographer).get(address("received-preview", broken)).status_code == 404
    # A worker that dies of it each time leaves it to a person in the end.
    monkeypatch.setattr(sorting.intake, "identify", lambda _data, **_: 1 / 0)
    crashing = arrive(patient_id="X")
    for _ in range(sorting.MOST_ATTEMPTS):
        ReceivedInstance.objects.filter(pk=crashing.pk).update(held_until=None)
        sorting.sort_some(seconds=600)
    crashing.refresh_from_db()
    assert crashing.reason_params == {"variant": "unexpected"}


def test_a_deleted_study_leaves_nothing_here(
    arrive: Callable[..., ReceivedInstance],
    radiographer: User,
    administrator: User,
    patient: Patient,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    said = {"patient_id": "MRN-0001", "patient_name": "Berg^Alma", "birth_date": date(1958, 3, 14)}
    uid = {"StudyInstanceUID": "1.2.826.1"}
    filed = arrive(**said, overrides=uid)
    kept = arrive(**said, overrides=uid, sop_class="1.2.840.10008.5.1.4.1.1.88.11")
    other = arrive(**said, seed=7, overrides={"StudyInstanceUID": "1.2.826.2", "SOPInstanceUID": "1.2.826.3"})
    assert filed.scan
    assert other.scan
    made = request_deletion(by=radiographer, study=filed.scan.study, reason="Uploaded by mistake.")
    with django_capture_on_commit_callbacks(execute=True):
        confirm_deletion(by=administrator, deletion=made, seen=contents(filed.scan.study))
    # UID and hash stay, so that nothing of it is filed once more without a person.
    assert all(row.scan is None for row in ReceivedInstance.objects.exclude(pk=other.pk))
    assert not ReceivedStudy.objects.exists()
    assert not any(spool.path_of(row.pk).exists() for row in (filed, kept))
    assert spool.path_of(other.pk).exists()
    # A slice that comes late begins no new study by itself; a person may say that it does.
    late = arrive(**said, seed=8, overrides={**uid, "SOPInstanceUID": "1.2.826.4"})
    assert (late.scan, late.reason_params) == (None, {"variant": "erased"})
    attach(late, patient, radiographer)
    turn()
    late.refresh_from_db()
    assert late.scan
    assert arrive(**said, seed=9, overrides={**uid, "SOPInstanceUID": "1.2.826.5"}).scan


def test_each_clinic_sees_its_own(arrive: Callable[..., ReceivedInstance], radiographer: User, stranger: User) -> None:
    arrive(patient_id="NOBODY")
    for model in (RemoteEntity, ReceivedStudy, ReceivedInstance):
        assert model.objects.visible_to(radiographer).exists()
        assert not model.objects.visible_to(stranger).exists()


def test_a_caller_is_one_clinics(entity: RemoteEntity, other_clinic: Clinic) -> None:
    second = RemoteEntity(clinic=other_clinic, title="MODALITY", networks="192.0.2.128/25")
    with pytest.raises(ValidationError, match="calls from these addresses"):
        second.full_clean(exclude=["account"])
    second.networks = "198.51.100.4, 2001:db8::/64"
    second.full_clean(exclude=["account"])
    assert second.sends_from(read_address("2001:db8::1"))
    assert entity.sends_from(read_address("::ffff:192.0.2.17"))
    second.networks = "somewhere"
    with pytest.raises(ValidationError, match="no address"):
        second.full_clean(exclude=["account"])


def test_a_rate_is_counted_by_key() -> None:
    now = [0.0]
    rate = Rate(2, now=lambda: now[0])
    assert [rate.allows("a") for _ in range(3)] == [True, True, False]
    assert rate.allows("b")
    now[0] = 61.0
    assert rate.allows("a")


def test_the_list_says_nothing_of_a_confidential_record(
    arrive: Callable[..., ReceivedInstance], patient: Patient, member: Callable[..., User], administrator: User
) -> None:
    """Neither what its files say while nobody has matched it, nor what was attached since; those named see both."""
    row = arrive(patient_id="mrn-0001", patient_name="Bergh^Alma")
    new_case(member("radiographer"), patient)
    mark_confidential(by=administrator, patient=patient)
    sorter, named = client_of(member("radiographer")), client_of(administrator)
    pages = [address("received-study", row.study), address("received-preview", row)]
    for attached in (None, patient):
        ReceivedStudy.objects.update(patient=attached, record_number="" if attached else "mrn-0001")
        assert [sorter.get(page).status_code for page in pages] == [404, 404]
        listed = sorter.get(address("received")).content.decode()
        assert "Bergh" not in listed and "mrn-0001" not in listed and "1 study names a confidential record" in listed
        assert "Bergh" in named.get(address("received")).content.decode()
        assert [named.get(page).status_code for page in pages] == [200, 200]
    Study.objects.update(accession_number="A-77", study_instance_uid="1.2.3")
    for said in ({"accession_number": "A-77"}, {"study_instance_uid": "1.2.3"}):
        nothing = {"record_number": "", "accession_number": "", "study_instance_uid": ""}
        ReceivedStudy.objects.update(patient=None, **(nothing | said))
        assert "Bergh" not in sorter.get(address("received")).content.decode(), said
    Study.objects.update(accession_number="0000")
    ReceivedStudy.objects.update(accession_number="0000", study_instance_uid="")
    assert "Bergh" in sorter.get(address("received")).content.decode(), "noughts name no study"
    ReceivedStudy.objects.update(record_number="mrn-0001")
    lift_confidentiality(by=administrator, patient=patient)
    assert "Bergh" in sorter.get(address("received")).content.decode()
