"""An upload that was a mistake: taken back by whoever made it, while nobody has read it, and brought back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from accounts.models import User
from diagnosis.actions.review import claim_review, commit_first_impression, release_review
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.withdrawal import bring_back, take_back
from diagnosis.analyses import runner
from diagnosis.errors import AttachedElsewhere, NotAllowedNow
from diagnosis.models import Analysis, Notification, Patient, Review, Scan, Study, Withdrawal
from diagnosis.models.review import Category
from diagnosis.models.scan import Modality
from diagnosis.notifications import unread_count
from diagnosis.states import AnalysisStatus, ReviewStatus
from tests.concurrency import together
from tests.factories import finish, new_patient, read
from tests.images import xray_dicom, xray_png

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
STUDY = {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1"}


@pytest.fixture
def as_() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def scan(patient: Patient, radiographer: User) -> Scan:
    return upload_scan(by=radiographer, patient=patient, data=xray_png(1), name="a.png", modality=Modality.CXR).scan


@pytest.fixture
def views(patient: Patient, radiographer: User) -> list[Scan]:
    """Two views of one study."""
    return [
        upload_scan(by=radiographer, patient=patient, data=xray_dicom(seed=seed, overrides=STUDY), name="a.dcm").scan
        for seed in (1, 2)
    ]


def statuses(study: Study) -> list[str]:
    return list(study.analyses.order_by("number").values_list("status", flat=True))


def test_a_whole_study_goes_with_its_case_its_analysis_and_its_notices(
    scan: Scan, patient: Patient, radiographer: User, as_: Callable[[User], Client]
) -> None:
    finish(scan, 0.8)
    study, client = scan.study, as_(radiographer)
    assert unread_count(radiographer).number == 1
    made = take_back(by=radiographer, study=study, reason="wrong patient")
    assert (made.taken, made.reason, made.made_by) == ([scan.pk], "wrong patient", radiographer)
    assert (Scan.objects.count(), Study.objects.count(), Notification.objects.count()) == (0, 0, 0)
    assert study.reviews.get().status == ReviewStatus.WITHDRAWN
    page = client.get(reverse("diagnosis:patient-detail", args=[patient.pk])).content.decode()
    assert "No scans yet" in page
    gone = [("study-detail", study.pk), ("scan-detail", scan.pk), ("scan-original", scan.pk), ("scan-image", scan.pk)]
    gone.append(("analysis-detail", study.analyses.get().pk))
    for view, key in gone:
        assert client.get(reverse(f"diagnosis:{view}", args=[key])).status_code == 404, view
    assert Scan.with_withdrawn.get().original.size > 0


def test_what_runs_is_cancelled_and_its_result_is_dropped(scan: Scan, radiographer: User) -> None:
    analysis = scan.study.analyses.get()
    claim = Analysis.objects.claim(analysis.pk, worker="w")
    assert claim
    take_back(by=radiographer, study=scan.study)
    assert statuses(scan.study) == [AnalysisStatus.CANCELLED]
    assert not runner.run(analysis.pk, worker="another")


def test_what_remains_of_a_study_is_analysed_once_more(views: list[Scan], radiographer: User) -> None:
    first, second = views
    study = first.study
    finish(first, 0.7)
    take_back(by=radiographer, study=study, images=[first.pk])
    study.refresh_from_db()
    assert (study.withdrawal, study.representative) == (None, second)
    assert statuses(study) == [AnalysisStatus.SUCCEEDED, AnalysisStatus.QUEUED]
    assert study.reviews.get().status == ReviewStatus.WAITING
    assert list(Scan.objects.all()) == [second]


def test_the_same_file_may_be_uploaded_again_for_the_right_patient(
    scan: Scan, radiographer: User, administrator: User
) -> None:
    right = new_patient(scan.clinic, radiographer, "MRN-0002")
    sent = {"by": radiographer, "data": xray_png(1), "name": "a.png", "modality": Modality.CXR}
    with pytest.raises(AttachedElsewhere):
        upload_scan(patient=right, **sent)
    made = take_back(by=radiographer, study=scan.study)
    again = upload_scan(patient=right, **sent)
    assert (again.duplicate, again.scan.patient) == (False, right)
    with pytest.raises(NotAllowedNow, match="uploaded again"):
        bring_back(by=administrator, withdrawal=made)
    assert Withdrawal.objects.standing().get() == made
    assert not Study.objects.filter(pk=made.study_id).exists()


def test_it_comes_back_with_a_trail(
    scan: Scan, radiographer: User, administrator: User, as_: Callable[[User], Client]
) -> None:
    made = take_back(by=radiographer, study=scan.study, reason="a mistake")
    address = reverse("diagnosis:withdrawal-restore", args=[made.pk])
    assert as_(radiographer).post(address).status_code == 403
    client = as_(administrator)
    listed = client.get(reverse("diagnosis:oversight-corrections")).content.decode()
    assert "a mistake" in listed
    assert str(scan.patient) in listed
    assert client.post(address).status_code == 302
    made.refresh_from_db()
    assert (made.undone_by, Scan.objects.get(), Study.objects.get()) == (administrator, scan, scan.study)
    assert statuses(scan.study) == [AnalysisStatus.CANCELLED, AnalysisStatus.QUEUED]
    assert sorted(scan.study.reviews.values_list("status", flat=True)) == ["waiting", "withdrawn"]
    page = client.get(reverse("diagnosis:study-detail", args=[scan.study.pk])).content.decode()
    assert f"{radiographer.full_name} took back 1 image of this study" in page
    assert f"Restored by {administrator.full_name}" in page
    assert client.post(address).status_code == 409


def test_once_a_reader_has_begun_nothing_goes(
    scan: Scan, radiographer: User, radiologist: User, as_: Callable[[User], Client]
) -> None:
    review = Review.objects.get()
    claim_review(by=radiologist, review=review)
    for _ in ("while it is claimed", "after a first impression"):
        with pytest.raises(NotAllowedNow, match="is reading this study"):
            take_back(by=radiographer, study=scan.study)
        if review.first_impressions.exists():
            break
        commit_first_impression(by=radiologist, review=review, category=Category.NEGATIVE)
        release_review(by=radiologist, review=review)
    read(radiologist, review)
    with pytest.raises(NotAllowedNow, match="has read it"):
        take_back(by=radiographer, study=scan.study)
    assert Scan.objects.get() == scan
    address = reverse("diagnosis:study-take-back", args=[scan.study.pk])
    assert "Nothing can be taken back" in as_(radiographer).get(address).content.decode()
    assert as_(radiographer).post(address, {"images": [str(scan.pk)]}).status_code == 409


def test_only_the_uploader_and_the_administrator_may(
    scan: Scan,
    member: Callable[..., User],
    other_clinic: object,
    administrator: User,
    as_: Callable[[User], Client],
) -> None:
    colleague, stranger = member("radiographer"), member("radiographer", at=other_clinic)
    page = reverse("diagnosis:study-take-back", args=[scan.study.pk])
    api = reverse("api:study-take-back", args=[scan.study.pk])
    for user, status in ((colleague, 403), (stranger, 404)):
        for address in (page, api):
            assert as_(user).post(address, {"images": [str(scan.pk)]}).status_code == status, (user, address)
    with pytest.raises(PermissionDenied, match="Only the person who uploaded"):
        take_back(by=colleague, study=scan.study)
    detail = reverse("diagnosis:study-detail", args=[scan.study.pk])
    assert page not in as_(colleague).get(detail).content.decode()
    assert page in as_(scan.uploaded_by).get(detail).content.decode()
    assert take_back(by=administrator, study=scan.study).taken == [scan.pk]


def test_an_image_of_somebody_else_in_the_same_study_stays(
    views: list[Scan], radiographer: User, member: Callable[..., User]
) -> None:
    Scan.objects.filter(pk=views[1].pk).update(uploaded_by=member("clinician"))
    with pytest.raises(PermissionDenied):
        take_back(by=radiographer, study=views[0].study, images=[one.pk for one in views])
    assert take_back(by=radiographer, study=views[0].study).taken == [views[0].pk]


def test_the_page_leads_back_to_where_something_is_left(
    views: list[Scan], patient: Patient, radiographer: User, as_: Callable[[User], Client]
) -> None:
    client, study = as_(radiographer), views[0].study
    address = reverse("diagnosis:study-take-back", args=[study.pk])
    assert client.post(address, {}).status_code == 422
    one = client.post(address, {"images": [str(views[0].pk)], "reason": "twice"})
    assert one["Location"] == reverse("diagnosis:study-detail", args=[study.pk])
    rest = client.post(address, {"images": [str(views[1].pk)]})
    assert rest["Location"] == reverse("diagnosis:patient-detail", args=[patient.pk])
    assert not Study.objects.exists()


def test_the_api_takes_back_and_says_what_is_left(
    views: list[Scan], radiographer: User, as_: Callable[[User], Client]
) -> None:
    client, study = as_(radiographer), views[0].study
    address = reverse("api:study-take-back", args=[study.pk])
    body = {"images": [str(views[0].pk)], "reason": "twice"}
    told = client.post(address, body, content_type="application/json").json()
    assert (told["images"], told["reason"], told["study_remains"]) == (body["images"], "twice", True)
    found = client.get(reverse("api:study", args=[study.pk])).json()
    assert (found["image_count"], [one["image_count"] for one in found["series"]].count(1)) == (1, 1)
    told = client.post(address, {}, content_type="application/json").json()
    assert (told["images"], told["study_remains"]) == ([str(views[1].pk)], False)
    assert client.get(reverse("api:study", args=[study.pk])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_reader_and_the_uploader_at_the_same_moment(scan: Scan, radiographer: User, radiologist: User) -> None:
    review = Review.objects.get()

    def act(number: int) -> bool:
        try:
            if number:
                claim_review(by=radiologist, review=review)
            else:
                take_back(by=radiographer, study=scan.study)
        except NotAllowedNow:
            return False
        return True

    outcomes = together(2, act)
    assert sorted(outcomes) == [False, True]
    review.refresh_from_db()
    assert review.status == (ReviewStatus.CLAIMED if outcomes[1] else ReviewStatus.WITHDRAWN)
    assert Scan.objects.exists() == outcomes[1]
