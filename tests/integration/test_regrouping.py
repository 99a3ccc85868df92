"""Images that were in the wrong study: moved, split off, put back; by whom, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from diagnosis.actions.correction import move_scans, undo_correction
from diagnosis.actions.regrouping import move_images
from diagnosis.actions.report import sign_report
from diagnosis.actions.review import claim_review
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.withdrawal import bring_back, take_back
from diagnosis.analyses import runner
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.exports.patient import export_patient
from diagnosis.models import Analysis, Correction, Patient, Report, Review, Scan, Study, Withdrawal
from diagnosis.models.correction import CorrectionKind
from diagnosis.patients.trend import trends
from diagnosis.results.slices import key_images
from diagnosis.rules import corrections, policies
from diagnosis.scans import filing
from diagnosis.views.review.page import result_for
from diagnosis.views.review.rows import rows
from tests.concurrency import together
from tests.conftest import PASSWORD
from tests.factories import finish_study, new_case, new_patient, read
from tests.fhir_validator import faults
from tests.images import ct_dicom, xray_dicom

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
UID = {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1"}
WHY = "the lateral view is of the day before"


@pytest.fixture
def pair(patient: Patient, radiographer: User) -> list[Scan]:
    """Two images of one study."""
    views = [xray_dicom(seed=seed, overrides=UID) for seed in (1, 2)]
    return [upload_scan(by=radiographer, patient=patient, data=view, name="a.dcm").scan for view in views]


@pytest.fixture
def alone(patient: Patient, radiographer: User) -> Scan:
    """The only image of another study."""
    return new_case(radiographer, patient, 7).scan


def now(*scans: Scan) -> list[Scan]:
    return [Scan.objects.get(pk=scan.pk) for scan in scans]


def split(by: User, scan: Scan, *more: Scan, target: Study | None = None) -> Correction:
    keys = [scan.pk, *(one.pk for one in more)]
    return move_images(by=by, study=scan.study, images=keys, target=target, reason=WHY)


def open_rows(study: Study) -> tuple[list[str], list[str]]:
    """The statuses of what is open of a study: analyses and reviews."""
    analyses = Analysis.objects.filter(study=study, status__in=("queued", "running"))
    return [one.status for one in analyses], [one.status for one in study.reviews.open()]


def test_a_reading_that_comes_along_is_placed_by_its_new_referrer(
    pair: list[Scan], alone: Scan, administrator: User, radiologist: User
) -> None:
    """Readings of single images, from before there were studies, go with their image."""
    ours, theirs = pair
    Review.objects.filter(study=ours.study).update(image=theirs)
    read(radiologist, alone.reviews.get())
    Study.objects.filter(pk=alone.study_id).update(priority="urgent")
    split(administrator, theirs, target=Study.objects.get(pk=alone.study_id))
    moved = Review.objects.get(image=theirs)
    assert moved.study_id == alone.study_id
    assert moved.due_at == moved.waiting_since - timedelta(hours=24)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_image_becomes_a_study_of_its_own_and_both_begin_anew(pair: list[Scan], administrator: User) -> None:
    ours, theirs = pair
    finish_study({ours: 0.2, theirs: 0.9})
    made = split(administrator, theirs)
    ours, theirs = now(ours, theirs)
    assert (made.kind, made.source_study, made.target_study) == (CorrectionKind.SPLIT_STUDY, ours.study, theirs.study)
    assert ours.study != theirs.study
    assert theirs.patient == theirs.study.patient == ours.patient
    assert (ours.study.representative, theirs.study.representative) == (ours, theirs)
    for scan in (ours, theirs):
        assert open_rows(scan.study) == (["queued"], ["waiting"])
    # The earlier result stays in the history of the study that it was of.
    assert ours.study.analyses.filter(status="succeeded").count() == 1


def test_a_result_that_rests_on_a_moved_image_is_nobody_elses(
    pair: list[Scan], administrator: User, radiologist: User
) -> None:
    """Neither shown to the reader, nor agreed with, nor what orders the queue, whatever the new analysis says."""
    ours, theirs = pair
    before = finish_study({ours: 0.2, theirs: 0.9})
    assert policies.result_of(ours) == before
    waiting = ours.study.reviews.get()
    assert (waiting.suspicion, waiting.share_above) == (0.9, 1)
    made = split(administrator, theirs)
    ours, theirs = now(ours, theirs)
    assert policies.result_of(ours) is None
    waiting.refresh_from_db()
    assert (waiting.suspicion, waiting.share_above, waiting.marks) == (None, None, [])
    assert result_for(radiologist, ours).analysis is None
    [row] = rows(Review.objects.filter(pk=waiting.pk), reader=radiologist)
    assert row.said is None
    assert key_images(ours.study_id, visible_to=radiologist) == []
    assert not Analysis.objects.filter(pk=before.pk).with_all_images().exists()
    undo_correction(by=administrator, correction=made)
    assert policies.result_of(now(ours)[0]) == before
    waiting.refresh_from_db()
    assert waiting.suspicion == 0.9


def test_a_result_that_rests_on_an_image_that_was_taken_back_says_nothing(
    pair: list[Scan], radiographer: User, administrator: User
) -> None:
    ours, theirs = pair
    before = finish_study({ours: 0.2, theirs: 0.9})
    made = take_back(by=radiographer, study=ours.study, images=[theirs.pk])
    assert policies.result_of(now(ours)[0]) is None
    assert ours.study.reviews.get().suspicion is None
    bring_back(by=administrator, withdrawal=made)
    assert policies.result_of(now(ours)[0]) == before
    assert ours.study.reviews.get().suspicion == 0.9


def test_programs_are_told_that_a_result_rests_on_an_image_that_is_gone(
    pair: list[Scan], administrator: User, radiologist: User
) -> None:
    """It is the resource of before, in another version, so that whoever keeps it learns of it."""
    ours, theirs = pair
    finish_study({ours: 0.2, theirs: 0.9})
    client = Client()
    client.force_login(radiologist)

    def found(status: str) -> list[dict[str, Any]]:
        bundle = client.get("/fhir/Observation", {"status": status}).json()
        assert not faults([bundle])
        return [entry["resource"] for entry in bundle.get("entry", [])]

    before = found("preliminary")
    assert before
    assert not found("entered-in-error")
    made = split(administrator, theirs)
    assert not found("preliminary")
    after = found("entered-in-error")
    versions = [{one["id"]: one["meta"]["versionId"] for one in told} for told in (before, after)]
    assert versions[0].keys() == versions[1].keys()
    assert not versions[0].items() & versions[1].items()
    assert all("was moved to another study" in one["note"][0]["text"] for one in after)
    with export_patient(ours.patient, by=radiologist, address_of=lambda _report: "") as file:
        assert ZipFile(file).read("fhir-bundle.json").count(b'"entered-in-error"') == len(after)
    undo_correction(by=administrator, correction=made)
    assert [one["id"] for one in found("preliminary")] == [one["id"] for one in before]


def test_a_trend_has_no_point_of_an_image_that_is_anothers(
    pair: list[Scan], alone: Scan, administrator: User, radiologist: User
) -> None:
    ours, theirs = pair
    finish_study({ours: 0.2, theirs: 0.9})
    finish_study({alone: 0.3})
    assert len(trends(ours.patient, radiologist)) == 1
    other = new_patient(ours.clinic, administrator, "900")
    move_scans(by=administrator, source=ours.patient, scans=[theirs.pk], target=other, reason=WHY)
    assert trends(ours.patient, radiologist) == []


def test_a_split_is_undone_whole(pair: list[Scan], administrator: User) -> None:
    before = {scan.pk: scan.series_id for scan in pair}
    made = split(administrator, pair[1])
    undo_correction(by=administrator, correction=made)
    assert {scan.pk: scan.series_id for scan in now(*pair)} == before
    emptied = Study.objects.get(pk=made.target_study_id)
    assert (emptied.representative, emptied.shown) == (None, pair[1])
    assert open_rows(emptied) == ([], [])
    assert open_rows(now(pair[0])[0].study) == (["queued"], ["waiting"])
    assert [step.note for step in emptied.reviews.get().transitions.all()][-1] == "images_moved"
    with pytest.raises(NotAllowedNow, match=corrections.ALREADY_UNDONE):
        undo_correction(by=administrator, correction=made)


def test_the_only_image_joins_another_study_and_its_own_is_closed(
    pair: list[Scan], alone: Scan, administrator: User
) -> None:
    left, joined = alone.study, pair[0].study
    made = split(administrator, alone, target=joined)
    assert made.kind == CorrectionKind.MOVE_IMAGES
    assert now(alone)[0].study == joined
    assert open_rows(left) == ([], [])
    assert open_rows(joined) == (["queued"], ["waiting"])
    client = signed_in(administrator)
    moved_on = client.get(reverse("diagnosis:study-detail", args=[left.pk]))
    assert moved_on.headers["Location"] == reverse("diagnosis:study-detail", args=[joined.pk])
    assert [row["id"] for row in client.get("/api/v1/studies/").json()["results"]] == [str(joined.pk)]
    for page in ("oversight-jobs", "oversight-reading", "oversight-corrections", "notifications"):
        assert client.get(reverse(f"diagnosis:{page}")).status_code == 200
    undo_correction(by=administrator, correction=made)
    assert now(alone)[0].study == left
    assert Study.objects.get(pk=left.pk).emptied_of is None
    assert open_rows(left) == (["queued"], ["waiting"])


def test_a_running_analysis_of_the_old_images_gives_no_result(pair: list[Scan], administrator: User) -> None:
    running = pair[0].study.analyses.get()
    assert Analysis.objects.claim(running.pk, worker="w")
    split(administrator, pair[1])
    running.refresh_from_db()
    assert running.status == "cancelled"
    assert open_rows(pair[0].study)[0] == ["queued"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_begins_at_the_moment_of_a_correction_sees_what_is_there_after_it(
    pair: list[Scan], administrator: User
) -> None:
    """Else a result of the images of before would stand, because an analysis was waiting when the correction looked."""
    waiting, begun = pair[0].study.analyses.get(), threading.Event()
    seen: list[UUID] = []

    def work() -> None:
        try:
            if Analysis.objects.claim(waiting.pk, worker="w"):
                seen.extend(image.pk for image in runner.images_of(Study.objects.get(pk=pair[0].study_id)))
        finally:
            begun.set()
            connection.close()

    worker = threading.Thread(target=work)
    with transaction.atomic():
        split(administrator, pair[1])
        worker.start()
        begun.wait(1)
    worker.join()
    assert seen == [pair[0].pk]


@pytest.mark.django_db(transaction=True)
def test_a_result_that_is_kept_at_the_moment_of_a_correction_stands_in_no_ones_way(
    pair: list[Scan], administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each held rows that the other one wanted, and the database ended one of them."""
    storing, looked = threading.Event(), threading.Event()
    represent, require_unread = filing.represent, corrections.require_unread

    def slowly(study: Study) -> None:
        if threading.current_thread() is worker:
            storing.set()
            looked.wait(2)
        represent(study)

    def look(*args: Any) -> None:
        require_unread(*args)
        looked.set()

    def work() -> None:
        try:
            ended.append(finish_study({pair[0]: 0.2, pair[1]: 0.9}).status)
        except Exception as error:
            ended.append(repr(error))
        finally:
            connection.close()

    ended: list[str] = []
    worker = threading.Thread(target=work)
    monkeypatch.setattr(filing, "represent", slowly)
    monkeypatch.setattr(corrections, "require_unread", look)
    worker.start()
    assert storing.wait(10)
    split(administrator, pair[1])
    worker.join()
    assert ended == ["succeeded"]
    assert open_rows(now(pair[0])[0].study) == (["queued"], ["waiting"])


def test_a_signed_report_stays_and_says_that_an_image_was_moved(
    pair: list[Scan], administrator: User, radiologist: User
) -> None:
    finish_study({pair[0]: 0.2, pair[1]: 0.3})
    report = read(radiologist, pair[0].reviews.get(), decision="agree").report
    sign_report(by=radiologist, report=report, password=PASSWORD)
    before = Report.objects.values().get(pk=report.pk)
    split(administrator, pair[1])
    assert Report.objects.values().get(pk=report.pk) == before
    page = signed_in(radiologist).get(reverse("diagnosis:report-detail", args=[report.pk])).content.decode()
    assert "1 image that this report rests on was moved to another study since." in page
    assert "The study waits to be read again." in page


def test_later_files_with_the_same_identifiers_go_to_the_study_that_stayed(
    pair: list[Scan], administrator: User, radiographer: User, patient: Patient
) -> None:
    made = split(administrator, pair[0])
    # By identifiers and time of arrival the new study would be found before the other.
    earlier = datetime(2020, 1, 1, tzinfo=UTC)
    Study.objects.filter(pk=made.target_study_id).update(received_at=earlier)
    later = upload_scan(by=radiographer, patient=patient, data=xray_dicom(seed=3, overrides=UID), name="a.dcm").scan
    assert later.study == now(pair[1])[0].study


def test_slices_move_with_their_series_and_dates_follow_the_files(
    patient: Patient, radiographer: User, administrator: User
) -> None:
    slices = [
        upload_scan(
            by=radiographer,
            patient=patient,
            data=ct_dicom(instance_number=number, seed=number),
            name="a.dcm",
            identity_confirmed=True,
        ).scan
        for number in (1, 2, 3)
    ]
    early, late = datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 2, 8, tzinfo=UTC)
    Scan.objects.filter(pk=slices[0].pk).update(acquired_at=early)
    Scan.objects.filter(pk__in=[one.pk for one in slices[1:]]).update(acquired_at=late)
    Study.objects.filter(pk=slices[0].study_id).update(examined_at=early)
    made = split(administrator, *slices[1:])
    first, *others = now(*slices)
    assert len({one.series_id for one in others}) == 1
    assert (first.study.examined_at, others[0].study.examined_at) == (early, late)
    undo_correction(by=administrator, correction=made)
    assert [one.series_id for one in now(*slices)] == [first.series_id] * 3


def test_a_part_that_comes_back_from_another_patient_joins_its_study_again(
    pair: list[Scan], clinic: Clinic, administrator: User, radiographer: User, patient: Patient
) -> None:
    other = new_patient(clinic, radiographer, "MRN-0002")
    made = move_scans(by=administrator, source=patient, scans=[pair[1].pk], target=other, reason=WHY)
    assert now(pair[1])[0].study.patient == other
    undo_correction(by=administrator, correction=made)
    ours, theirs = now(*pair)
    assert (theirs.study, theirs.patient, theirs.series_id) == (ours.study, patient, pair[1].series_id)
    assert open_rows(ours.study) == (["queued"], ["waiting"])
    assert open_rows(Study.objects.exclude(emptied_of=None).get()) == ([], [])


def test_a_part_that_was_read_elsewhere_comes_back_as_a_study_of_its_own(
    pair: list[Scan], clinic: Clinic, administrator: User, radiographer: User, radiologist: User, patient: Patient
) -> None:
    other = new_patient(clinic, radiographer, "MRN-0002")
    made = move_scans(by=administrator, source=patient, scans=[pair[1].pk], target=other, reason=WHY)
    report = read(radiologist, now(pair[1])[0].study.reviews.open().get()).report
    undo_correction(by=administrator, correction=made)
    ours, theirs = now(*pair)
    assert theirs.patient == theirs.study.patient == patient
    assert theirs.study != ours.study
    assert theirs.report == report


# --- who may, and what is refused --------------------------------------------------------------------------
def test_the_uploader_may_until_it_is_read(
    pair: list[Scan], alone: Scan, radiographer: User, radiologist: User
) -> None:
    made = split(radiographer, pair[1])
    undo_correction(by=radiographer, correction=made)
    read(radiologist, alone.reviews.get())
    for scan, target in ((alone, pair[0].study), (pair[0], alone.study)):
        with pytest.raises(NotAllowedNow, match=corrections.ONLY_UNREAD):
            split(radiographer, scan, target=target)
    assert [one.study_id for one in now(*pair)] == [pair[0].study_id] * 2


@pytest.mark.parametrize("role", ["radiographer", "clinician", "radiologist"])
def test_nobody_else_may(pair: list[Scan], member: Callable[..., User], administrator: User, role: str) -> None:
    with pytest.raises(PermissionDenied):
        split(member(role), pair[1])
    made = split(administrator, pair[1])
    with pytest.raises(PermissionDenied):
        undo_correction(by=member(role), correction=made)


def test_what_is_refused_changes_nothing(
    pair: list[Scan], alone: Scan, clinic: Clinic, administrator: User, radiographer: User, radiologist: User
) -> None:
    elsewhere = new_case(radiographer, new_patient(clinic, radiographer, "MRN-0002"), 9).scan
    read(radiologist, alone.reviews.get())
    tried: list[tuple[dict[str, Any], str]] = [
        ({"images": []}, corrections.NOTHING_CHOSEN),
        ({"reason": " "}, corrections.REASON_NEEDED),
        ({"target": pair[0].study}, corrections.SAME_STUDY),
        ({"target": elsewhere.study}, corrections.OTHER_STUDY),
        ({"images": [one.pk for one in pair]}, corrections.WHOLE_STUDY),
        ({"images": [pair[1].pk, elsewhere.pk]}, corrections.CHANGED_MEANWHILE),
        ({"study": alone.study, "images": [alone.pk], "target": pair[0].study}, corrections.WAS_READ),
    ]
    given = {"by": administrator, "study": pair[0].study, "images": [pair[1].pk], "target": None, "reason": WHY}
    for fields, sentence in tried:
        with pytest.raises(Refusal, match=sentence):
            move_images(**{**given, **fields})
    assert not Correction.objects.exists()
    assert [one.study_id for one in now(*pair, alone)] == [pair[0].study_id] * 2 + [alone.study_id]


def test_nothing_moves_while_one_of_the_studies_is_read(
    pair: list[Scan], alone: Scan, administrator: User, radiologist: User
) -> None:
    claim_review(by=radiologist, review=alone.reviews.get())
    with pytest.raises(NotAllowedNow, match=corrections.BEING_READ):
        split(administrator, pair[1], target=alone.study)
    split(administrator, pair[1])


@pytest.mark.django_db(transaction=True)
def test_of_two_who_move_one_image_one_wins(pair: list[Scan], alone: Scan, administrator: User) -> None:
    source, targets = pair[0].study, [None, alone.study]

    def act(number: int) -> str:
        try:
            move_images(by=administrator, study=source, images=[pair[1].pk], target=targets[number], reason=WHY)
        except NotAllowedNow as refused:
            return refused.code
        return "done"

    assert sorted(together(2, act)) == ["changed_meanwhile", "done"]
    assert Correction.objects.count() == 1
    for study in Study.objects.filter(emptied_of=None):
        assert open_rows(study) == (["queued"], ["waiting"])


# --- the page ----------------------------------------------------------------------------------------------
def test_the_page_moves_and_the_trail_undoes(pair: list[Scan], alone: Scan, administrator: User) -> None:
    client, address = signed_in(administrator), reverse("diagnosis:study-regroup", args=[pair[0].study_id])
    study_page = reverse("diagnosis:study-detail", args=[pair[0].study_id])
    assert address in client.get(study_page).content.decode()
    assert client.get(address).status_code == 200
    fields = {"images": [pair[1].pk], "target": alone.study_id, "reason": WHY}
    assert client.post(address, {**fields, "reason": ""}).status_code == 422
    assert client.post(address, {**fields, "images": []}).status_code == 409
    assert client.post(address, fields).status_code == 302
    assert now(pair[1])[0].study == alone.study
    made = Correction.objects.get()
    undo = reverse("diagnosis:regroup-undo", args=[made.pk])
    for page in (study_page, reverse("diagnosis:study-detail", args=[alone.study_id])):
        text = client.get(page).content.decode()
        assert WHY in text
        assert undo in text
    assert client.post(undo).status_code == 302
    assert now(pair[1])[0].study == pair[0].study
    assert client.post(undo).status_code == 409


def test_the_page_is_closed_to_everybody_else(
    pair: list[Scan], administrator: User, member: Callable[..., User], stranger: User, other_clinic: Clinic
) -> None:
    address = reverse("diagnosis:study-regroup", args=[pair[0].study_id])
    undo = reverse("diagnosis:regroup-undo", args=[split(administrator, pair[1]).pk])
    for user in (stranger, member("administrator", at=other_clinic)):
        assert signed_in(user).get(address).status_code == 404
        assert signed_in(user).post(undo).status_code == 404
    for role in ("clinician", "radiologist"):
        client = signed_in(member(role))
        assert client.get(address).status_code == 403
        assert client.post(undo).status_code == 403
        assert address not in client.get(reverse("diagnosis:study-detail", args=[pair[0].study_id])).content.decode()


def test_images_of_a_study_that_was_taken_back_meanwhile_stay_and_it_is_said(
    pair: list[Scan], alone: Scan, administrator: User, radiographer: User
) -> None:
    left = alone.study
    made = split(administrator, alone, target=pair[0].study)
    withdrawal = Withdrawal.objects.create(clinic=left.clinic, study=left, scans=[], made_by=radiographer, reason=WHY)
    Study.with_withdrawn.filter(pk=left.pk).update(withdrawal=withdrawal)
    with pytest.raises(NotAllowedNow, match=corrections.CHANGED_MEANWHILE):
        undo_correction(by=administrator, correction=made)
    assert now(alone)[0].study == pair[0].study
