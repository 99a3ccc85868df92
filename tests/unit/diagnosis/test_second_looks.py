"""A second look at signed reports that contradict their result: who may, what stays hidden, and what follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import Clinic, User
from diagnosis.actions.report import sign_report
from diagnosis.actions.second_look import decide_second_look, give_back_second_look, take_second_look
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Notification, Patient, Report, SecondLook
from diagnosis.models.review import Category
from diagnosis.reports import content
from diagnosis.reviews import second_looks
from diagnosis.rules import blinding
from tests.conftest import PASSWORD
from tests.factories import finish, new_case, read

pytestmark = pytest.mark.django_db


@pytest.fixture
def colleague(member: Callable[..., User]) -> User:
    return member("radiologist")


@pytest.fixture
def signed(radiographer: User, radiologist: User, patient: Patient) -> Callable[[float, str], Report]:
    """A final report of that category on a result with that probability."""

    def make(probability: float, category: str) -> Report:
        review = new_case(radiographer, patient, Report.objects.count())
        finish(review.scan, probability)
        words = {"decision": "override", "override_reason": "clinical"}
        report = read(radiologist, review, category=category, **words).report
        return sign_report(by=radiologist, report=report, password=PASSWORD)

    return make


def test_both_directions_are_due_and_what_fits_is_not(
    signed: Callable[[float, str], Report], radiologist: User, colleague: User, radiographer: User
) -> None:
    missed, invented = signed(0.1, "typical"), signed(0.9, "negative")
    signed(0.9, "typical")
    assert list(second_looks.due_to(colleague)) == [missed, invented]
    assert not second_looks.due_to(radiologist).exists(), "nobody looks again at their own report"
    assert not second_looks.due_to(radiographer).exists()


def test_whoever_looks_sees_neither_report_nor_result_until_deciding(
    signed: Callable[[float, str], Report], radiologist: User, colleague: User
) -> None:
    report = signed(0.9, "negative")
    look = take_second_look(by=colleague, report=report)
    assert blinding.hides_result(colleague, report.study_id)
    assert blinding.hides_reading(colleague, report.study_id)
    assert not blinding.hides_reading(radiologist, report.study_id)
    decide_second_look(by=colleague, look=look, category=Category.NEGATIVE, needs_action=False, note="")
    assert not blinding.hides_result(colleague, report.study_id)
    assert not blinding.hides_reading(colleague, report.study_id)


@pytest.mark.parametrize(
    ("category", "outcome", "told"),
    [
        (Category.NEGATIVE, "report", 0),
        (Category.TYPICAL, "classifiers", 1),
        (Category.ATYPICAL, "neither", 1),
    ],
)
def test_whoever_signed_is_told_and_the_report_stays(
    signed: Callable[[float, str], Report],
    radiologist: User,
    colleague: User,
    category: Category,
    outcome: str,
    told: int,
) -> None:
    report = signed(0.9, "negative")
    look = take_second_look(by=colleague, report=report)
    done = decide_second_look(by=colleague, look=look, category=category, needs_action=True, note=" Apex. ")
    assert (done.outcome, done.note, done.needs_action) == (outcome, "Apex.", True)
    assert Notification.objects.filter(recipient=radiologist, kind="look").count() == told
    assert content.is_intact(Report.objects.get(pk=report.pk))
    counted = second_looks.counts(SecondLook.objects.all())
    assert (counted["total"], counted[outcome], counted["acted"]) == (1, 1, 1)


def test_one_look_a_report_and_one_decision_a_look(
    signed: Callable[[float, str], Report], colleague: User, member: Callable[..., User]
) -> None:
    report, third = signed(0.9, "negative"), member("radiologist")
    look = take_second_look(by=colleague, report=report)
    with pytest.raises(NotAllowedNow):
        take_second_look(by=third, report=report)
    with pytest.raises(NotAllowedNow):
        decide_second_look(by=third, look=look, category=Category.TYPICAL, needs_action=False, note="")
    give_back_second_look(by=colleague, look=look)
    again = take_second_look(by=third, report=report)
    decide_second_look(by=third, look=again, category=Category.TYPICAL, needs_action=False, note="")
    with pytest.raises(NotAllowedNow):
        give_back_second_look(by=third, look=again)


@pytest.mark.parametrize("role", ["radiographer", "clinician", "administrator"])
def test_only_radiologists_look_again(
    signed: Callable[[float, str], Report], member: Callable[..., User], role: str
) -> None:
    report, other = signed(0.9, "negative"), member(role)
    with pytest.raises(PermissionDenied):
        take_second_look(by=other, report=report)
    client = Client()
    client.force_login(other)
    assert client.get("/reading/second-looks/").status_code == 403
    assert client.post(f"/reading/second-looks/of/{report.pk}/").status_code == 403


def test_the_pages_tell_nothing_before_and_everything_after(
    signed: Callable[[float, str], Report],
    radiologist: User,
    colleague: User,
    other_clinic: Clinic,
    member: Callable[..., User],
) -> None:
    report, client, stranger = signed(0.9, "negative"), Client(), Client()
    client.force_login(colleague)
    listed = client.get("/reading/second-looks/").content.decode()
    assert str(report.study.patient) in listed
    assert str(report.get_category_display()) not in listed
    page = client.post(f"/reading/second-looks/of/{report.pk}/")["Location"]
    asked = client.get(page).content.decode()
    assert report.impression not in asked
    assert "classifier-0" not in asked
    assert client.post(page, {}).status_code == 422
    client.post(page, {"category": "typical", "needs_action": "on", "note": "Left base."})
    told = client.get(page).content.decode()
    assert "Agrees with the classifiers" in told
    assert "Left base." in told
    stranger.force_login(member("radiologist", at=other_clinic))
    assert stranger.get(page).status_code == 404
    assert stranger.post(f"/reading/second-looks/of/{report.pk}/").status_code == 404
    signer = Client()
    signer.force_login(radiologist)
    notice = Notification.objects.get(recipient=radiologist, kind="look")
    assert signer.post(f"/notifications/{notice.pk}/")["Location"] == page
