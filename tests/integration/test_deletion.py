"""A study that is erased for good: by two people, files and words, with a row that says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from diagnosis.actions.correction import move_scans
from diagnosis.actions.deletion import confirm_deletion, drop_deletion, request_deletion
from diagnosis.actions.regrouping import move_images
from diagnosis.actions.report import sign_report
from diagnosis.actions.report_correction import enter_in_error
from diagnosis.actions.review import claim_review, release_review
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.withdrawal import bring_back, take_back
from diagnosis.errors import NotAllowedNow
from diagnosis.models import AttentionMap, Deletion, Drawing, LegalHold, Patient, Scan, Study, StudyChange, Withdrawal
from diagnosis.rules import deletions
from diagnosis.scans import erasing
from tests.conftest import PASSWORD
from tests.factories import finish, finish_study, new_patient, read
from tests.images import xray_dicom

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
NAMED = {"StudyDescription": "Chest of Mrs Berg", "AccessionNumber": "ACC-17", "StudyInstanceUID": "1.2.3.4"}


@pytest.fixture
def study(patient: Patient, radiographer: User) -> Study:
    data = xray_dicom(seed=1, overrides=NAMED)
    found = upload_scan(by=radiographer, patient=patient, data=data, name="berg.dcm").scan
    finish(found, 0.8)
    return found.study


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def files(study: Study) -> list[Path]:
    return list(erasing.files_of(study.pk, Path(settings.PRIVATE_ROOT)))


def asked(study: Study, by: User) -> Deletion:
    return request_deletion(by=by, study=study, reason="Another patient's image.")


def confirm(made: Deletion, by: User) -> None:
    confirm_deletion(by=by, deletion=made, seen=deletions.contents(Study.with_withdrawn.get(pk=made.study_id)))


def test_two_people_erase_files_and_words_and_the_address_says_so(
    study: Study,
    radiographer: User,
    member: Callable[..., User],
    stranger: User,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    administrator, scan = member("administrator"), study.shown
    StudyChange.objects.create(study=study, field="ward", before="", after="Ward of Berg", made_by=radiographer)
    page, colleague = reverse("diagnosis:study-delete", args=[study.pk]), signed_in(radiographer)
    colleague.get(reverse("diagnosis:scan-image", args=[scan.pk]))  # a picture that is made on demand
    # The original, the picture, what the network got and its attention map.
    assert {file.parts[-3] for file in files(study)} == {"originals", "renditions", "seen", "attention"}
    answer = colleague.post(page, {"reason": "Another patient's image."})
    assert answer.status_code == 302
    made = Deletion.objects.get()
    shown = signed_in(administrator).get(page).content.decode()
    assert "berg.dcm" in shown
    assert "Delete for good" in shown
    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in(administrator).post(
            reverse("diagnosis:deletion-confirm", args=[made.pk]), {"seen": deletions.contents(study)}
        )
    assert answer.status_code == 302
    assert files(study) == []
    made.refresh_from_db()
    assert made.confirmed_by == administrator
    assert made.erased_at
    gone = Scan.with_withdrawn.get(pk=scan.pk)
    assert (gone.sha256, gone.acquired_at) == (scan.sha256, scan.acquired_at)
    rows = [gone, gone.series, Study.with_withdrawn.get(pk=study.pk), study.changes.get()]
    told = " ".join(str(value) for row in rows for value in vars(row).values())
    assert not [word for word in ("berg", "Berg", "ACC-17", "1.2.3.4") if word in told]
    entry = AuditEvent.objects.get(route="POST diagnosis:deletion-confirm", action="D")
    assert (entry.patient, entry.person, entry.object_id) == (study.patient_id, administrator.pk, str(made.pk))
    for name, key in (("study-detail", study.pk), ("scan-detail", scan.pk), ("scan-image", scan.pk)):
        answer = colleague.get(reverse(f"diagnosis:{name}", args=[key]))
        assert answer.status_code == 410
        assert administrator.full_name in answer.content.decode()
        assert signed_in(stranger).get(reverse(f"diagnosis:{name}", args=[key])).status_code == 404
    for name, key in (("api:study", study.pk), ("api:scan", scan.pk), ("api:image", scan.pk)):
        answer = colleague.get(reverse(name, args=[key]))
        assert (answer.status_code, answer.json()["code"]) == (410, "deleted")
    listed = signed_in(administrator).get(reverse("diagnosis:oversight-deletions")).content.decode()
    assert scan.sha256 in listed
    assert Withdrawal.objects.get()
    with pytest.raises(NotAllowedNow):
        bring_back(by=administrator, withdrawal=Withdrawal.objects.get())


def test_the_same_person_never_confirms(study: Study, radiographer: User, member: Callable[..., User]) -> None:
    administrator, other = member("administrator"), member("administrator")
    made = asked(study, administrator)
    with pytest.raises(NotAllowedNow) as refused:
        confirm(made, administrator)
    assert refused.value.code == "two_people"
    with pytest.raises(PermissionDenied):
        confirm(made, radiographer)
    with pytest.raises(NotAllowedNow) as changed:
        confirm_deletion(by=other, deletion=made, seen="of another study")
    assert changed.value.code == "changed_meanwhile"
    with pytest.raises(IntegrityError), transaction.atomic():
        Deletion.objects.filter(pk=made.pk).update(confirmed_by=administrator, confirmed_at=timezone.now())
    with pytest.raises(NotAllowedNow):
        asked(study, other)
    new = member("administrator", days=6)
    with pytest.raises(NotAllowedNow) as refused:
        confirm(made, new)
    assert refused.value.code == "too_new"
    drop_deletion(by=other, deletion=made)
    with pytest.raises(NotAllowedNow):
        confirm(made, other)
    with pytest.raises(NotAllowedNow) as refused:
        confirm(asked(study, new), other)
    assert refused.value.code == "too_new"
    assert len(files(study)) == 3


def test_what_a_crash_left_is_swept(study: Study, radiographer: User, administrator: User) -> None:
    """The transaction is committed and the process ends before it erases; a late request writes a picture again."""
    made, root = asked(study, radiographer), Path(settings.PRIVATE_ROOT)
    confirm(made, administrator)
    assert len(files(study)) == 3
    _refuses_once(root, study)
    made.refresh_from_db()
    assert made.erased_at is None
    assert erasing.sweep() == 1
    made.refresh_from_db()
    assert made.erased_at
    assert files(study) == []
    late = Path(root, "renditions", study.shown.pk.hex[:2], f"{study.shown.pk.hex}-256-2.png")
    late.parent.mkdir(parents=True, exist_ok=True)
    late.write_bytes(b"late")
    assert erasing.sweep() == 1
    assert files(study) == []


def _refuses_once(root: Path, study: Study) -> None:
    """The disk with the originals is away; then it is there, and one of the files cannot be erased."""
    (root / "originals").rename(root / "away")
    assert erasing.sweep() == 0
    (root / "away").rename(root / "originals")
    original = next(file for file in files(study) if file.parts[-3] == "originals")
    held = original.with_name(f"{study.shown.pk.hex}-folder")
    original.unlink()
    held.mkdir()
    assert erasing.sweep() == 0
    assert files(study) == [held]
    held.rmdir()
    original.write_bytes(b"again")


def test_what_forbids_a_deletion(
    study: Study, radiographer: User, radiologist: User, administrator: User, clinician: User
) -> None:
    hold = LegalHold.objects.create(patient=study.patient, reason="A lawsuit.", made_by=administrator)
    assert _refusal(study, radiographer) == deletions.HELD
    LegalHold.objects.filter(pk=hold.pk).update(undone_by=administrator, undone_at=timezone.now())
    review = claim_review(by=radiologist, review=study.reviews.get())
    assert _refusal(study, radiographer) == deletions.BEING_READ
    release_review(by=radiologist, review=review)
    made = asked(study, radiographer)
    report = read(radiologist, study.reviews.get(), decision="agree", category="typical").report
    with pytest.raises(NotAllowedNow) as refused:
        confirm(made, administrator)
    assert refused.value.message == deletions.REPORTED
    report = sign_report(by=radiologist, report=report, password=PASSWORD)
    enter_in_error(by=radiologist, report=report, reason="Of another patient.", password=PASSWORD)
    confirm(made, administrator)
    # The report's own words stay, and can be read by who could read them.
    for name in ("report-detail", "report-pdf"):
        assert signed_in(clinician).get(reverse(f"diagnosis:{name}", args=[report.pk])).status_code == 200
    assert not Study.objects.exists()


def _refusal(study: Study, by: User) -> str:
    with pytest.raises(NotAllowedNow) as refused:
        asked(study, by)
    return str(refused.value.message)


def test_a_study_that_was_taken_back_can_be_erased_too(
    study: Study, radiographer: User, administrator: User, member: Callable[..., User]
) -> None:
    take_back(by=radiographer, study=study)
    away = Study.with_withdrawn.get(pk=study.pk)
    with pytest.raises(PermissionDenied):
        asked(away, radiographer)
    confirm(asked(away, administrator), member("administrator"))
    assert erasing.sweep() == 1
    assert files(study) == []
    assert dt.timedelta(0) < erasing.timezone.now() - Deletion.objects.get().erased_at  # type: ignore[operator]


def test_pictures_of_a_moved_image_go_though_another_study_was_analysed(
    patient: Patient, radiographer: User, administrator: User
) -> None:
    first, moved = _of_one_study(patient, radiographer)
    analysis = finish_study({first: 0.2, moved: 0.9})  # its pictures are of the image that stands out
    drawing = Drawing.objects.create(analysis=analysis, image=moved, requested_by=radiographer)
    AttentionMap.objects.create(
        drawing=drawing, prediction=analysis.predictions.get(), picture=ContentFile(b"a map", "a.png"), label="covid"
    )
    apart = move_images(by=administrator, study=first.study, images=[moved.pk], target=None, reason="Another day.")
    assert apart.target_study
    assert {file.parts[-3] for file in files(apart.target_study)} == {"originals", "seen", "attention", "drawn"}
    confirm(asked(apart.target_study, radiographer), administrator)
    erasing.sweep()
    assert files(apart.target_study) == []
    assert not Drawing.objects.exists()
    assert [file.parts[-3] for file in files(first.study)] == ["originals"]


def _of_one_study(patient: Patient, by: User) -> list[Scan]:
    uids = {"StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.3.4.1"}
    made = [
        upload_scan(by=by, patient=patient, data=xray_dicom(seed=seed, overrides=uids), name=f"{seed}.dcm").scan
        for seed in (1, 2)
    ]
    assert made[0].study == made[1].study
    return made


def test_images_of_a_signed_report_stay_wherever_they_were_moved(
    patient: Patient, radiographer: User, radiologist: User, administrator: User
) -> None:
    """Out of the study that the report is of, into another one, and on to another patient."""
    first, moved = _of_one_study(patient, radiographer)
    finish_study({first: 0.8, moved: 0.7})
    report = read(radiologist, first.reviews.get(), decision="agree", category="typical").report
    report = sign_report(by=radiologist, report=report, password=PASSWORD)
    apart = move_images(by=administrator, study=first.study, images=[moved.pk], target=None, reason="Another day.")
    assert apart.target_study
    assert _refusal(apart.target_study, administrator) == deletions.REPORTED
    other = new_patient(patient.clinic, radiographer, "OTHER")
    move_scans(by=administrator, source=patient, scans=[moved.pk], target=other, reason="Of another person.")
    third = new_patient(patient.clinic, radiographer, "THIRD")
    move_scans(by=administrator, source=patient, scans=[first.pk], target=third, reason="Of another person.")
    study = Study.objects.get(patient=other)
    assert _refusal(study, administrator) == deletions.REPORTED
    enter_in_error(by=radiologist, report=report, reason="Of other people.", password=PASSWORD)
    assert asked(study, administrator)
