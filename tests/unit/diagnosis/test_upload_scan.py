"""The upload: a file and its rows, or neither."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Q

from accounts.models import Clinic, User
from diagnosis.actions.patient import register_patient
from diagnosis.actions.scan import upload_scan
from diagnosis.errors import AttachedElsewhere, FileRefused, FileTooLarge, IdentityMismatch, ModalityNeeded
from diagnosis.models import Analysis, Patient, Scan, Transition
from diagnosis.models.scan import Modality
from diagnosis.scans.request import Request
from diagnosis.states import AnalysisStatus as S
from tests.concurrency import together
from tests.factories import read
from tests.images import NO_IMAGE, ct_dicom, xray_dicom, xray_jpeg, xray_png

ORIGINALS = Path(settings.PRIVATE_ROOT) / "originals"


def originals() -> set[Path]:
    return {path for path in ORIGINALS.rglob("*") if path.is_file()}


def bytes_of(scan: Scan) -> bytes:
    with scan.original.open("rb") as file:
        return file.read()  # type: ignore[no-any-return]


@pytest.mark.parametrize(("data", "kind"), [(xray_png(), "png"), (xray_jpeg(), "jpeg"), (xray_dicom(), "dicom")])
def test_a_good_file_becomes_a_scan_and_a_queued_analysis(
    patient: Patient, radiographer: User, data: bytes, kind: str
) -> None:
    upload = upload_scan(by=radiographer, patient=patient, data=data, name="a", modality=Modality.CXR)
    scan, analysis = upload.scan, upload.scan.analyses.get()
    assert not upload.duplicate
    assert (scan.file_format, scan.width, scan.height, scan.byte_size) == (kind, 256, 256, len(data))
    assert bytes_of(scan) == data
    assert (analysis.number, analysis.status, analysis.requested_by) == (1, "queued", radiographer)
    assert radiographer.email in Transition.objects.get(analysis=analysis).by


def test_the_original_can_be_read_by_the_server_alone_and_has_no_address(scan: Scan) -> None:
    path = Path(scan.original.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.is_relative_to(settings.STATIC_ROOT)
    with pytest.raises(ValueError, match="no address"):
        _ = scan.original.url


def test_the_same_bytes_for_the_same_patient_point_to_the_earlier_scan(scan: Scan, upload: Callable[..., Scan]) -> None:
    before = originals()
    assert upload(name="another name.png") == scan
    assert Analysis.objects.count() == 1
    assert originals() == before


def test_the_same_bytes_for_another_patient_are_refused(scan: Scan, clinic: Clinic, radiographer: User) -> None:
    other = register_patient(by=radiographer, clinic=clinic, medical_record_number="2", family_name="Holm")
    with pytest.raises(AttachedElsewhere) as refused:
        upload_scan(by=radiographer, patient=other, data=xray_png(), name="a", modality=Modality.CXR)
    assert refused.value.scan == scan


def test_another_clinic_neither_finds_nor_meets_the_same_bytes(
    scan: Scan, other_clinic: Clinic, stranger: User, upload: Callable[..., Scan]
) -> None:
    theirs = register_patient(by=stranger, clinic=other_clinic, medical_record_number="1", family_name="Holm")
    copy = upload(of=theirs, by=stranger)
    assert copy != scan
    assert copy.clinic == other_clinic
    assert copy.original.path != scan.original.path


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_the_same_file_dropped_six_times_at_once_is_one_scan(upload: Callable[..., Scan]) -> None:
    scans = together(6, lambda _: upload(5))
    assert len(set(scans)) == 1
    assert Scan.objects.count() == Analysis.objects.count() == 1
    assert Path(scans[0].original.path) in originals()
    assert bytes_of(scans[0]) == xray_png(5)


def test_a_header_of_another_person_is_attached_only_when_confirmed(patient: Patient, radiographer: User) -> None:
    data = xray_dicom(patient_name="Holm^Per", patient_id="999")
    before = originals()
    with pytest.raises(IdentityMismatch) as asked:
        upload_scan(by=radiographer, patient=patient, data=data, name="a")
    assert {each.field for each in asked.value.differences} == {"name", "record number"}
    assert not Scan.objects.exists()
    assert originals() == before
    scan = upload_scan(by=radiographer, patient=patient, data=data, name="a", identity_confirmed=True).scan
    assert "Holm" in scan.identity_note
    assert patient.medical_record_number in scan.identity_note
    patient.refresh_from_db()
    assert patient.family_name == "Berg"  # a header never writes into the record


def test_confirming_notes_nothing_where_nothing_disagrees(patient: Patient, radiographer: User) -> None:
    data = xray_dicom(patient_name="BERG^ALMA", patient_id=patient.medical_record_number)
    scan = upload_scan(by=radiographer, patient=patient, data=data, name="a", identity_confirmed=True).scan
    assert scan.identity_note == ""


def test_a_header_fills_the_scan(patient: Patient, radiographer: User) -> None:
    taken = datetime(2024, 2, 3, 4, 5, 6)  # noqa: DTZ001  a header knows no zone
    data = ct_dicom(acquired_at=taken, instance_number=7)
    scan = upload_scan(by=radiographer, patient=patient, data=data, name="a").scan
    assert scan.modality == Modality.CT
    assert scan.instance_number == 7
    assert scan.acquired_at == taken.replace(tzinfo=UTC)  # the test settings' zone
    assert scan.study_instance_uid
    assert scan.row_spacing == scan.column_spacing == pytest.approx(380 / 256)


@pytest.mark.parametrize(
    ("data", "modality", "error"),
    [
        (NO_IMAGE, Modality.CXR, FileRefused),
        (b"", Modality.CXR, FileRefused),
        (xray_jpeg()[:3000], Modality.CXR, FileRefused),
        (xray_png(), None, ModalityNeeded),
        (xray_dicom(), Modality.CT, FileRefused),
    ],
    ids=["no image", "empty", "cut off", "no modality", "X-ray as CT"],
)
def test_a_refused_file_leaves_nothing_behind(
    patient: Patient, radiographer: User, data: bytes, modality: Modality | None, error: type[Exception]
) -> None:
    before = originals()
    with pytest.raises(error, match=r"\.$"):
        upload_scan(by=radiographer, patient=patient, data=data, name="a.png", modality=modality)
    assert not Scan.objects.exists()
    assert originals() == before


def test_a_file_over_the_limit_is_refused(patient: Patient, radiographer: User, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = len(xray_png()) - 1
    with pytest.raises(FileTooLarge):
        upload_scan(by=radiographer, patient=patient, data=xray_png(), name="a", modality=Modality.CXR)


@pytest.mark.django_db(transaction=True)
def test_the_file_goes_when_the_rows_cannot_be_written(upload: Callable[..., Scan], patient: Patient) -> None:
    before = originals()
    with broken_transitions(), pytest.raises(Exception, match="no transitions today"):
        upload(3)
    assert not Scan.objects.exists()
    assert originals() == before


@pytest.mark.django_db(transaction=True)
def test_the_file_stays_when_something_after_the_commit_fails(upload: Callable[..., Scan], patient: Patient) -> None:
    """Noting that the message was sent is a write of its own; its failure must not undo the upload."""
    with broken_updates("diagnosis_analysis"):
        scan = upload(4)
    assert bytes_of(scan) == xray_png(4)
    assert Scan.objects.get().analyses.get().enqueued_at is None


class trigger:  # noqa: N801  used as a function
    """While it lasts, the database itself refuses to write a table."""

    def __init__(self, table: str, event: str, message: str) -> None:
        self.table, self.event, self.message = table, event, message

    def __enter__(self) -> None:
        if connection.vendor != "postgresql":
            pytest.skip("needs PostgreSQL's triggers")
        body = f"BEGIN RAISE EXCEPTION '{self.message}'; END"
        self._run(f"CREATE FUNCTION refuse_it() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
        self._run(f"CREATE TRIGGER refuse_it BEFORE {self.event} ON {self.table} EXECUTE FUNCTION refuse_it()")

    def __exit__(self, *error: object) -> None:
        self._run(f"DROP TRIGGER refuse_it ON {self.table}")
        self._run("DROP FUNCTION refuse_it()")

    def _run(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def broken_transitions() -> trigger:
    return trigger("diagnosis_transition", "INSERT", "no transitions today")


def broken_updates(table: str) -> trigger:
    return trigger(table, "UPDATE", "no updates today")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("..\\..\\windows\\system32\\a.png", "a.png"),
        ("/", "unnamed"),
        ("", "unnamed"),
        ("..", ".."),
        ("a\x00b\x1b[31m.png", "ab[31m.png"),
        ("gpj.\u202egnp.exe", "gpj.gnp.exe"),
        ("x" * 5000, "x" * 200),
        ("Ærø <script>.png", "Ærø <script>.png"),
    ],
)
def test_names_are_for_display_only(patient: Patient, radiographer: User, given: str, kept: str) -> None:
    data = xray_png()
    scan = upload_scan(by=radiographer, patient=patient, data=data, name=given, modality=Modality.CXR).scan
    assert scan.original_name == kept
    path = Path(scan.original.path)
    assert path.is_relative_to(ORIGINALS)
    assert path.name == scan.pk.hex


@pytest.mark.parametrize("role", ["radiographer", "clinician", "radiologist", "administrator"])
def test_who_may_upload(patient: Patient, member: Callable[..., User], role: str) -> None:
    def attempt() -> Scan:
        return upload_scan(by=member(role), patient=patient, data=xray_png(), name="a", modality=Modality.CXR).scan

    if role == "administrator":
        with pytest.raises(PermissionDenied, match="upload scans"):
            attempt()
    else:
        assert attempt().pk


def test_a_stranger_uploads_nothing(patient: Patient, stranger: User) -> None:
    with pytest.raises(PermissionDenied):
        upload_scan(by=stranger, patient=patient, data=xray_png(), name="a", modality=Modality.CXR)
    assert not Scan.objects.exists()


@pytest.fixture
def refused(patient: Patient, radiographer: User) -> Scan:
    """A slice that was uploaded as an X-ray, and that the gate refused."""
    scan = upload_scan(by=radiographer, patient=patient, data=xray_png(), name="a.png", modality=Modality.CXR).scan
    refuse(scan)
    return scan


def refuse(scan: Scan) -> None:
    analysis = scan.analyses.get(status=S.QUEUED)
    claim = Analysis.objects.claim(analysis.pk, worker="test")
    wrong = {"failure_code": "wrong_modality", "failure_params": {"variant": "cxr"}}
    assert Analysis.objects.finish(analysis.pk, S.RUNNING, S.FAILED, by="test", only=Q(claim=claim), **wrong)


def test_a_refused_file_is_believed_to_be_of_the_other_modality(refused: Scan, radiographer: User) -> None:
    again = upload_scan(by=radiographer, patient=refused.patient, data=xray_png(), name="a.png", modality=Modality.CT)
    assert (again.scan.pk, again.scan.modality, again.modality_changed) == (refused.pk, "ct", True)
    analysis = refused.analyses.get(number=2)
    assert analysis.status == S.QUEUED
    assert analysis.transitions.get().note_text == "Uploaded again as chest CT"


def test_the_other_images_of_its_examination_become_of_the_other_modality_with_it(
    refused: Scan, radiographer: User
) -> None:
    batch = Request(examination=refused.study.pk)
    send = partial(upload_scan, by=radiographer, patient=refused.patient, data=xray_png(1), name="b.png", request=batch)
    sibling = send(modality=Modality.CXR).scan
    assert sibling.study == refused.study
    refuse(sibling)
    again = upload_scan(by=radiographer, patient=refused.patient, data=xray_png(), name="a.png", modality=Modality.CT)
    assert again.modality_changed
    sibling.refresh_from_db()
    assert (sibling.modality, sibling.study.modality) == ("ct", "ct")


def test_a_study_with_a_dicom_keeps_the_modality_that_this_states(patient: Patient, radiographer: User) -> None:
    stated = upload_scan(by=radiographer, patient=patient, data=xray_dicom(), name="a").scan
    loose = upload_scan(
        by=radiographer,
        patient=patient,
        data=xray_png(),
        name="b.png",
        modality=Modality.CXR,
        request=Request(examination=stated.study.pk),
    ).scan
    assert loose.study == stated.study
    refuse(loose)
    again = upload_scan(by=radiographer, patient=patient, data=xray_png(), name="b.png", modality=Modality.CT)
    assert (again.modality_changed, again.scan.modality, again.scan.study.modality) == (False, "cxr", "cxr")


@pytest.mark.parametrize("said", [None, Modality.CXR])
def test_a_refused_file_that_says_nothing_new_adds_nothing(
    refused: Scan, radiographer: User, said: Modality | None
) -> None:
    again = upload_scan(by=radiographer, patient=refused.patient, data=xray_png(), name="a.png", modality=said)
    assert (again.duplicate, again.modality_changed) == (True, False)
    assert refused.analyses.count() == 1


def test_what_was_answered_or_read_keeps_its_modality(refused: Scan, radiographer: User, radiologist: User) -> None:
    read(radiologist, refused.reviews.get())
    upload_scan(by=radiographer, patient=refused.patient, data=xray_png(), name="a.png", modality=Modality.CT)
    refused.refresh_from_db()
    assert (refused.modality, refused.analyses.count()) == ("cxr", 1)
