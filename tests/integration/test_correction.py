"""Scans and records that were with the wrong patient: put right, undone, refused, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import Clinic, User
from diagnosis.actions.correction import merge_patients, move_scans, undo_correction
from diagnosis.actions.patient import amend_patient
from diagnosis.actions.report import add_addendum, sign_report
from diagnosis.actions.review import claim_review, release_review
from diagnosis.actions.scan import upload_scan
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Correction, Patient, Report, Scan
from diagnosis.models.scan import Modality
from diagnosis.patients.history import reason_text
from diagnosis.rules import corrections
from tests.concurrency import together
from tests.conftest import PASSWORD
from tests.factories import new_case, new_patient, read
from tests.images import xray_dicom, xray_png

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
WHY = "the wristband was read wrong"


@pytest.fixture
def other(clinic: Clinic, radiographer: User) -> Patient:
    return new_patient(clinic, radiographer, "MRN-0002")


@pytest.fixture
def scan(patient: Patient, radiographer: User) -> Scan:
    return new_case(radiographer, patient).scan


@pytest.fixture
def move(administrator: User, scan: Scan) -> Callable[..., Correction]:
    """`move(a, b)`: `scan` goes from one patient to the other."""

    def make(source: Patient, target: Patient, *, reason: str = WHY, by: User = administrator) -> Correction:
        return move_scans(by=by, source=source, scans=[scan.pk], target=target, reason=reason)

    return make


def owner(scan: Scan) -> Patient:
    return Scan.objects.get(pk=scan.pk).patient


def reasons(patient: Patient) -> list[str]:
    stored = patient.history.order_by("history_id").values_list("history_change_reason", flat=True)
    return [reason_text(reason) for reason in stored]


def test_a_scan_moves_and_both_records_tell(
    scan: Scan, patient: Patient, other: Patient, move: Callable[..., Correction], administrator: User
) -> None:
    correction = move(patient, other)
    assert owner(scan) == other
    assert (correction.reason, correction.made_by, correction.moved) == (WHY, administrator, [scan.pk])
    assert reasons(patient)[-1] == "1 scan moved to record MRN-0002"
    assert reasons(other)[-1] == "1 scan moved here from record MRN-0001"
    assert other.history.first().history_user == administrator
    assert corrections.corrections_of(scan) == [correction]


def test_a_part_of_a_study_becomes_a_study_of_its_own_and_both_begin_anew(
    patient: Patient, other: Patient, radiographer: User, radiologist: User, administrator: User
) -> None:
    uid = {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1"}
    views = [xray_dicom(seed=seed, overrides=uid) for seed in (1, 2)]
    ours, theirs = [upload_scan(by=radiographer, patient=patient, data=view, name="a.dcm").scan for view in views]
    report = sign_report(by=radiologist, report=read(radiologist, ours.reviews.get()).report, password=PASSWORD)
    move_scans(by=administrator, source=patient, scans=[theirs.pk], target=other, reason=WHY)
    ours, theirs = (Scan.objects.get(pk=scan.pk) for scan in (ours, theirs))
    assert (ours.study.patient, theirs.study.patient, theirs.patient) == (patient, other, other)
    assert (ours.study.representative, theirs.study.representative) == (ours, theirs)
    assert (ours.report, theirs.report) == (report, None)
    for scan in (ours, theirs):
        assert scan.reviews.open().get().status == "waiting"
        assert scan.analyses.get(status="queued")


def test_an_undone_move_is_as_before_and_still_told(
    scan: Scan, patient: Patient, other: Patient, move: Callable[..., Correction], administrator: User
) -> None:
    undone = undo_correction(by=administrator, correction=move(patient, other))
    assert owner(scan) == patient
    assert undone.undone_by == administrator
    assert corrections.corrections_of(scan) == [undone]
    with pytest.raises(NotAllowedNow, match=corrections.ALREADY_UNDONE):
        undo_correction(by=administrator, correction=undone)
    assert owner(scan) == patient


def test_a_merged_record_is_out_of_use_and_comes_back(
    scan: Scan, patient: Patient, other: Patient, administrator: User, radiographer: User
) -> None:
    merge = merge_patients(by=administrator, source=patient, target=other, reason=WHY)
    patient.refresh_from_db()
    assert (owner(scan), patient.merged_into) == (other, other)
    assert list(Patient.objects.current()) == [other]
    assert reasons(patient)[-1] == "merged into record MRN-0002"
    with pytest.raises(NotAllowedNow, match="merged into"):
        amend_patient(by=radiographer, patient=patient, family_name="X")
    with pytest.raises(NotAllowedNow, match="merged into"):
        upload_scan(by=radiographer, patient=patient, data=xray_png(5), name="b.png", modality=Modality.CXR)
    later = new_case(radiographer, other, 6).scan

    undo_correction(by=administrator, correction=merge)
    patient.refresh_from_db()
    assert (owner(scan), patient.merged_into, owner(later)) == (patient, None, other)
    upload_scan(by=radiographer, patient=patient, data=xray_png(5), name="b.png", modality=Modality.CXR)


def test_only_the_last_correction_can_be_undone(
    scan: Scan, patient: Patient, other: Patient, move: Callable[..., Correction], administrator: User
) -> None:
    first, second = move(patient, other), move(other, patient)
    assert corrections.undo_blocked_reason(first) == corrections.LATER_CORRECTION
    with pytest.raises(NotAllowedNow, match=corrections.LATER_CORRECTION):
        undo_correction(by=administrator, correction=first)
    undo_correction(by=administrator, correction=second)
    undo_correction(by=administrator, correction=first)
    assert owner(scan) == patient


def test_a_merge_of_the_earlier_record_must_be_undone_first(
    scan: Scan,
    patient: Patient,
    other: Patient,
    clinic: Clinic,
    radiographer: User,
    move: Callable[..., Correction],
    administrator: User,
) -> None:
    third = new_patient(clinic, radiographer, "MRN-0003")
    moved = move(patient, other)
    merge = merge_patients(by=administrator, source=patient, target=third, reason=WHY)
    assert corrections.undo_blocked_reason(moved) == corrections.LATER_CORRECTION
    undo_correction(by=administrator, correction=merge)
    undo_correction(by=administrator, correction=moved)
    assert owner(scan) == patient


def test_refusals_change_nothing(
    scan: Scan,
    patient: Patient,
    other: Patient,
    other_clinic: Clinic,
    member: Callable[..., User],
    move: Callable[..., Correction],
) -> None:
    elsewhere = new_patient(other_clinic, member("radiographer", at=other_clinic), "MRN-0002")
    tried: list[tuple[Patient, Patient, str, str]] = [
        (patient, patient, WHY, corrections.SAME_PATIENT),
        (patient, other, "  ", corrections.REASON_NEEDED),
        (patient, elsewhere, WHY, corrections.OTHER_CLINIC),
        (other, patient, WHY, corrections.CHANGED_MEANWHILE),
    ]
    for source, target, reason, sentence in tried:
        with pytest.raises(Refusal, match=sentence):
            move(source, target, reason=reason)
    assert owner(scan) == patient
    assert not Correction.objects.exists()
    assert reasons(patient) == ["registered"]


@pytest.mark.parametrize("role", ["radiographer", "clinician", "radiologist"])
def test_only_administrators_correct(
    patient: Patient, other: Patient, move: Callable[..., Correction], member: Callable[..., User], role: str
) -> None:
    with pytest.raises(PermissionDenied):
        move(patient, other, by=member(role))
    with pytest.raises(PermissionDenied):
        merge_patients(by=member(role), source=patient, target=other, reason=WHY)
    correction = move(patient, other)
    with pytest.raises(PermissionDenied):
        undo_correction(by=member(role), correction=correction)


def test_nothing_moves_while_it_is_read(
    scan: Scan, patient: Patient, other: Patient, move: Callable[..., Correction], radiologist: User
) -> None:
    held = claim_review(by=radiologist, review=scan.reviews.get())
    with pytest.raises(NotAllowedNow, match=corrections.BEING_READ):
        move(patient, other)
    release_review(by=radiologist, review=held)
    move(patient, other)


def test_a_signed_report_stays_as_it_was_and_the_page_can_say_so(
    scan: Scan, patient: Patient, other: Patient, move: Callable[..., Correction], radiologist: User
) -> None:
    read(radiologist, scan.reviews.get())
    sign_report(by=radiologist, report=scan.report, password=PASSWORD)
    before = Report.objects.values().get(study=scan.study)
    assert corrections.signed_under(Report.objects.get(study=scan.study)) is None
    move(patient, other)
    assert Report.objects.values().get(study=scan.study) == before
    named = corrections.signed_under(Report.objects.get(study=scan.study))
    assert named is not None
    assert named["medical_record_number"] == "MRN-0001"
    add_addendum(
        by=radiologist, report=Report.objects.get(study=scan.study), text="Another patient.", password=PASSWORD
    )


def test_a_report_signed_since_forbids_undoing_the_move_but_not_the_merge(
    scan: Scan,
    patient: Patient,
    other: Patient,
    move: Callable[..., Correction],
    radiologist: User,
    administrator: User,
    radiographer: User,
) -> None:
    correction = move(patient, other)
    read(radiologist, scan.reviews.get())
    sign_report(by=radiologist, report=scan.report, password=PASSWORD)
    assert corrections.undo_blocked_reason(correction) == corrections.SIGNED_SINCE
    with pytest.raises(NotAllowedNow):
        undo_correction(by=administrator, correction=correction)

    merge = merge_patients(by=administrator, source=other, target=patient, reason=WHY)
    second = new_case(radiographer, patient, 7)
    read(radiologist, second)
    sign_report(by=radiologist, report=second.scan.report, password=PASSWORD)
    undo_correction(by=administrator, correction=merge)
    assert (owner(scan), owner(second.scan)) == (other, patient)


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_against_each_other_one_wins(patient: Patient, other: Patient, administrator: User) -> None:
    pairs = [(patient, other), (other, patient)]

    def merge(number: int) -> str:
        source, target = pairs[number]
        try:
            merge_patients(by=administrator, source=source, target=target, reason=WHY)
        except NotAllowedNow as refused:
            return refused.code
        return "done"

    assert together(2, merge).count("done") == 1
    assert Patient.objects.exclude(merged_into=None).count() == 1
    assert Patient.objects.current().count() == 1
    assert Correction.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_an_upload_at_the_moment_of_a_merge_never_rests_with_the_merged_record(
    patient: Patient, other: Patient, administrator: User, radiographer: User, attempt: int
) -> None:
    def act(number: int) -> str:
        try:
            if number:
                merge_patients(by=administrator, source=patient, target=other, reason=WHY)
            else:
                upload_scan(
                    by=radiographer, patient=patient, data=xray_png(attempt), name="a.png", modality=Modality.CXR
                )
        except NotAllowedNow as refused:
            return refused.code
        return "done"

    uploaded, merged = together(2, act)
    assert merged == "done"
    assert list(Scan.objects.values_list("patient", flat=True)) == ([other.pk] if uploaded == "done" else [])
