"""Who hears of a report: one notice each, by whom it may be seen, and mail as each person chose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis import notifications as notices
from diagnosis.actions.correction import merge_patients
from diagnosis.actions.follow import follow, name_orderer, unfollow
from diagnosis.actions.report import sign_report
from diagnosis.errors import Refusal
from diagnosis.models import Follow, Notification, Patient, ReadingPreference, Scan
from tests.conftest import PASSWORD
from tests.factories import finish, new_case, new_patient, read

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def sign(scan: Scan, radiologist: User) -> Callable[[], None]:
    """The report on `scan` is read and signed."""

    def make() -> None:
        sign_report(by=radiologist, report=read(radiologist, scan.reviews.get()).report, password=PASSWORD)

    return make


def told(user: User) -> list[str]:
    return [one.kind for one in Notification.objects.of(user)]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_followers_the_referrer_and_the_uploader_hear_once(
    scan: Scan, sign: Callable[[], None], member: Callable[..., User], radiographer: User, patient: Patient
) -> None:
    of_both, referrer, nobody = member("clinician"), member("clinician"), member("clinician")
    for of in (patient, scan.study, scan.study):
        follow(by=of_both, of=of)
    name_orderer(by=radiographer, study=scan.study, orderer=referrer)
    sign()
    assert [told(user) for user in (of_both, referrer, radiographer, nobody)] == [
        ["report"],
        ["report"],
        ["report"],
        [],
    ]


def test_an_unread_notice_says_the_latest_news(scan: Scan, radiographer: User, radiologist: User) -> None:
    finish(scan, 0.9)
    assert told(radiographer) == ["result"]
    report = read(radiologist, scan.reviews.get(), decision="agree", category="typical").report
    sign_report(by=radiologist, report=report, password=PASSWORD)
    assert told(radiographer) == ["report"]


def test_who_left_or_stopped_hears_nothing(scan: Scan, sign: Callable[[], None], member: Callable[..., User]) -> None:
    gone, stopped = member("clinician"), member("clinician")
    for user in (gone, stopped):
        follow(by=user, of=scan.study)
    gone.memberships.update(is_active=False)
    unfollow(by=stopped, of=scan.study)
    sign()
    assert (told(gone), told(stopped)) == ([], [])


def test_who_followed_a_record_that_was_merged_still_hears(
    scan: Scan,
    sign: Callable[[], None],
    clinician: User,
    clinic: Clinic,
    radiographer: User,
    administrator: User,
    patient: Patient,
) -> None:
    other = new_patient(clinic, radiographer, "MRN-0002")
    follow(by=clinician, of=patient)
    merge_patients(by=administrator, source=patient, target=other, reason="one person")
    sign()
    assert told(clinician) == ["report"]


def test_only_colleagues_can_be_named(scan: Scan, radiographer: User, administrator: User, stranger: User) -> None:
    with pytest.raises(Refusal):
        name_orderer(by=radiographer, study=scan.study, orderer=stranger)
    with pytest.raises(PermissionDenied):
        name_orderer(by=administrator, study=scan.study, orderer=radiographer)
    with pytest.raises(PermissionDenied):
        follow(by=stranger, of=scan.study)


def test_buttons_follow_and_stop_and_other_clinics_find_nothing(
    scan: Scan, patient: Patient, clinician: User, stranger: User
) -> None:
    client = signed_in(clinician)
    for name, shown, key in (
        ("patient-follow", "patient-detail", patient.pk),
        ("study-follow", "study-detail", scan.study_id),
    ):
        address, page = reverse(f"diagnosis:{name}", args=[key]), reverse(f"diagnosis:{shown}", args=[key])
        assert address in client.get(page).content.decode()
        client.post(address, {"follow": "on"})
        assert Follow.objects.filter(user=clinician).count() == 1
        assert "Stop following" in client.get(page).content.decode()
        client.post(address, {"follow": "off"})
        assert not Follow.objects.exists()
        assert signed_in(stranger).post(address, {"follow": "on"}).status_code == 404
    ordered = reverse("diagnosis:study-ordered-by", args=[scan.study_id])
    for asked in (stranger.pk, "nonsense"):
        assert client.post(ordered, {"orderer": asked}).status_code == 404
    assert client.post(ordered, {"orderer": clinician.pk}).status_code == 302
    scan.study.refresh_from_db()
    assert scan.study.ordered_by == clinician


# --- mail --------------------------------------------------------------------------------------------------
def at_hour(monkeypatch: pytest.MonkeyPatch, hour: int, days: int = 0) -> None:
    moment = (timezone.localtime() + timedelta(days=days)).replace(hour=hour, minute=30)
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)


def test_a_digest_comes_once_a_day_and_names_nobody(
    scan: Scan, patient: Patient, radiographer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ReadingPreference.objects.create(user=radiographer, mail_results=True, mail_daily=True)
    finish(scan, 0.9)
    finish(new_case(radiographer, patient, 5).scan, 0.1)
    assert notices.mail_pending() == 0
    at_hour(monkeypatch, 6)
    assert notices.mail_digests() == 0
    at_hour(monkeypatch, 7)
    assert [notices.mail_digests(), notices.mail_digests()] == [1, 0]
    (sent,) = mail.outbox
    assert sent.subject == "News of 2 examinations"
    for private in ("Berg", "Alma", "MRN-0001", "COVID", str(scan.study_id)):
        assert private not in sent.subject + sent.body
    finish(new_case(radiographer, patient, 6).scan, 0.1)
    at_hour(monkeypatch, 8)
    assert notices.mail_digests() == 0
    at_hour(monkeypatch, 8, days=1)
    assert notices.mail_digests() == 1


def test_a_day_without_news_brings_no_mail(radiographer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ReadingPreference.objects.create(user=radiographer, mail_results=True, mail_daily=True)
    at_hour(monkeypatch, 9)
    assert notices.mail_digests() == 0


@pytest.mark.parametrize(
    ("chosen", "kept"), [("none", (False, False)), ("at_once", (True, False)), ("daily", (True, True))]
)
def test_a_person_chooses_how_to_be_mailed(clinician: User, chosen: str, kept: Any) -> None:
    client, address = signed_in(clinician), reverse("diagnosis:reading-preference")
    assert client.post(address, {"mail": chosen}).status_code == 302
    found = ReadingPreference.of(clinician)
    assert (found.mail_results, found.mail_daily) == kept
    assert client.get(address).context["form"]["mail"].value() == chosen
