"""Critical results that were marked by mistake: withdrawn for a reason, told to whoever was told, and kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from diagnosis.actions.critical_result import acknowledge, mark_critical, record_call, withdraw_critical
from diagnosis.actions.withdrawal import take_back
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import CriticalResult, Notification, Scan
from diagnosis.models.notification import NotificationKind
from diagnosis.reviews.escalation import escalate_overdue
from tests.concurrency import together

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
FINDING = "Tension pneumothorax on the left."
WHY = "Another patient."


@pytest.fixture
def mark(scan: Scan, radiologist: User, clinician: User) -> Callable[..., CriticalResult]:
    """`mark()`: the radiologist tells the clinician."""

    def make(**changes: Any) -> CriticalResult:
        given = {"by": radiologist, "study": scan.study, "finding": FINDING, "recipient": clinician}
        return mark_critical(**{**given, **changes})

    return make


def kinds(user: User) -> list[str]:
    return [one.kind for one in Notification.objects.of(user)]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_one_that_was_marked_by_mistake_is_withdrawn_and_stays_written(
    mark: Callable[..., CriticalResult], radiologist: User, clinician: User
) -> None:
    made = acknowledge(by=clinician, critical=mark())
    done = withdraw_critical(by=radiologist, critical=made, reason=" Another patient. ")
    assert (done.status, done.withdrawn_by, done.withdrawal_reason) == ("withdrawn", radiologist, WHY)
    assert (done.acknowledged_by, done.finding) == (clinician, FINDING)
    assert kinds(clinician)[0] == NotificationKind.RETRACTED
    assert NotificationKind.RETRACTED not in kinds(radiologist), "who did it knows"
    with pytest.raises(NotAllowedNow, match="was withdrawn"):
        withdraw_critical(by=radiologist, critical=done, reason=WHY)
    with pytest.raises(NotAllowedNow, match="was withdrawn"):
        acknowledge(by=clinician, critical=done)
    with pytest.raises(NotAllowedNow, match="was withdrawn"):
        record_call(by=radiologist, critical=done, told_to="Dr Moor", told_at=done.marked_at)
    with pytest.raises(IntegrityError), transaction.atomic():
        CriticalResult.objects.filter(pk=done.pk).update(withdrawal_reason="")


def test_nobody_is_asked_for_it_any_more_and_all_who_were_told_hear_of_it(
    mark: Callable[..., CriticalResult], administrator: User, clinician: User, member: Callable[..., User]
) -> None:
    second, other = member("radiographer"), member("clinician")
    made = mark(escalate_to=second)
    CriticalResult.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    escalate_overdue()
    notices = Notification.objects.of(clinician).unread()
    withdraw_critical(by=administrator, critical=made, reason=WHY)
    assert [one.kind for one in notices] == [NotificationKind.RETRACTED]
    assert kinds(second)[0] == NotificationKind.RETRACTED
    assert NotificationKind.RETRACTED not in kinds(other) + kinds(administrator)
    assert not CriticalResult.objects.open().exists()
    assert escalate_overdue() == 0


def test_only_who_marked_it_and_administrators_withdraw_it_for_a_reason(
    mark: Callable[..., CriticalResult], radiologist: User, clinician: User, member: Callable[..., User]
) -> None:
    made = mark()
    for user in (clinician, member("radiologist"), member("radiographer")):
        with pytest.raises(PermissionDenied):
            withdraw_critical(by=user, critical=made, reason=WHY)
    with pytest.raises(Refusal, match="Write why"):
        withdraw_critical(by=radiologist, critical=made, reason="  ")
    radiologist.memberships.update(is_active=False)
    with pytest.raises(PermissionDenied):
        withdraw_critical(by=radiologist, critical=made, reason=WHY)
    assert CriticalResult.objects.get().is_open


@pytest.mark.django_db(transaction=True)
def test_of_two_who_withdraw_it_at_once_one_does(
    mark: Callable[..., CriticalResult], radiologist: User, administrator: User
) -> None:
    made = mark()

    def act(number: int) -> str:
        try:
            # Each has a row of their own, as two requests have.
            row = CriticalResult.objects.get(pk=made.pk)
            withdraw_critical(by=(radiologist, administrator)[number], critical=row, reason=WHY)
        except NotAllowedNow as refused:
            return refused.code
        return "done"

    assert sorted(together(2, act)) == ["already_withdrawn", "done"]
    assert Notification.objects.filter(kind=NotificationKind.RETRACTED).count() == 1


def test_it_stops_the_uploaders_take_back_for_good(
    mark: Callable[..., CriticalResult], scan: Scan, radiologist: User, radiographer: User
) -> None:
    """It can be marked before anybody has claimed the case, and must be found where it was marked."""
    stale = scan.study
    made = mark()
    for _state in ("open", "withdrawn"):
        with pytest.raises(NotAllowedNow, match="critical result"):
            take_back(by=radiographer, study=scan.study)
        if made.is_open:
            made = withdraw_critical(by=radiologist, critical=made, reason=WHY)
    CriticalResult.objects.all().delete()
    take_back(by=radiographer, study=scan.study)
    with pytest.raises(NotAllowedNow, match="taken back"):
        mark(study=stale)


def test_it_is_withdrawn_on_the_page_and_the_api_shows_it(
    mark: Callable[..., CriticalResult], scan: Scan, radiologist: User, clinician: User, administrator: User
) -> None:
    made, reader, page = mark(), signed_in(radiologist), reverse("diagnosis:study-detail", args=[scan.study_id])
    address = reverse("diagnosis:critical-withdraw", args=[made.pk])
    assert address in reader.get(page).content.decode()
    assert address not in signed_in(clinician).get(page).content.decode()
    assert reader.post(address, {"reason": " "}).status_code == 400
    assert reader.post(address, {"reason": WHY}).status_code == 302
    assert reader.post(address, {"reason": WHY}).status_code == 409
    shown = reader.get(page).content.decode()
    assert f"because: {WHY}" in shown
    assert "To be acknowledged by" not in shown
    assert address not in shown
    head = signed_in(administrator)
    listed = reverse("diagnosis:oversight-critical")
    assert list(head.get(listed, {"state": "withdrawn"}).context["page"]) == [made]
    assert list(head.get(listed, {"state": "acknowledged"}).context["page"]) == []
    (told,) = reader.get(reverse("api:study", args=[scan.study_id])).json()["critical_results"]
    assert (told["status"], told["withdrawn_by"]) == ("withdrawn", radiologist.full_name)
    assert (told["withdrawal_reason"], told["acknowledged_by"]) == (WHY, None)
