"""Critical results: told at once, acknowledged once, escalated once, and closed to everybody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis import notifications as notices
from diagnosis.actions.critical_result import acknowledge, mark_critical, record_call
from diagnosis.actions.review import request_second_opinion
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import CriticalResult, Notification, ReadingPolicy, Scan
from diagnosis.models.notification import NotificationKind
from diagnosis.reviews.escalation import escalate_overdue
from diagnosis.rules import critical_results as rules
from tests.concurrency import together
from tests.factories import read

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
FINDING = "Tension pneumothorax on the left."
OUTSIDE = {"outsider_name": "Dr Moor", "outsider_phone": "+44 20 7946 0000"}


@pytest.fixture
def mark(scan: Scan, radiologist: User, clinician: User) -> Callable[..., CriticalResult]:
    """`mark()`: the radiologist tells the clinician."""

    def make(**changes: Any) -> CriticalResult:
        given = {"by": radiologist, "study": scan.study, "finding": FINDING, "recipient": clinician}
        return mark_critical(**{**given, **changes})

    return make


def late(one: CriticalResult) -> CriticalResult:
    CriticalResult.objects.filter(pk=one.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    return one


def kinds(user: User) -> list[str]:
    return [one.kind for one in Notification.objects.of(user)]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(scan: Scan) -> str:
    return reverse("diagnosis:study-detail", args=[scan.study_id])


def test_it_is_told_at_once_and_mailed_without_a_clinical_word(
    mark: Callable[..., CriticalResult], clinician: User, scan: Scan
) -> None:
    made = mark()
    assert kinds(clinician) == [NotificationKind.CRITICAL]
    assert timedelta(minutes=59) < made.due_at - timezone.now() <= timedelta(minutes=60)
    assert notices.mail_pending() == 1
    (sent,) = mail.outbox
    assert sent.to == [clinician.email]
    for private in ("Berg", "Alma", "MRN-0001", "pneumothorax", str(scan.study_id)):
        assert private not in sent.subject + sent.body


def test_the_clinic_says_how_long_it_may_take(mark: Callable[..., CriticalResult], clinic: Clinic) -> None:
    ReadingPolicy.objects.create(clinic=clinic, critical_minutes=5)
    assert mark().due_at <= timezone.now() + timedelta(minutes=5)


def test_who_was_told_acknowledges_it_once(mark: Callable[..., CriticalResult], clinician: User) -> None:
    done = acknowledge(by=clinician, critical=mark())
    assert (done.status, done.acknowledged_by) == ("acknowledged", clinician)
    at = done.acknowledged_at
    with pytest.raises(NotAllowedNow, match="already acknowledged"):
        acknowledge(by=clinician, critical=done)
    assert CriticalResult.objects.get().acknowledged_at == at


def test_nobody_else_acknowledges_it_before_it_is_late(
    mark: Callable[..., CriticalResult], member: Callable[..., User], radiologist: User, administrator: User
) -> None:
    made = mark()
    for user in (radiologist, administrator, member("clinician")):
        with pytest.raises(PermissionDenied):
            acknowledge(by=user, critical=made)
    for user in (administrator, member("clinician"), member("radiographer")):
        with pytest.raises(PermissionDenied):
            record_call(by=user, critical=made, told_to="Dr Moor", told_at=timezone.now())
    assert made.is_open


def test_what_nobody_acknowledged_is_escalated_once(
    mark: Callable[..., CriticalResult], member: Callable[..., User], administrator: User, clinician: User
) -> None:
    second, other = member("radiographer"), member("clinician")
    waiting = mark(escalate_to=second)
    assert escalate_overdue() == 0
    late(waiting)
    assert [escalate_overdue(), escalate_overdue()] == [1, 0]
    assert kinds(administrator) == kinds(second)[:1] == [NotificationKind.OVERDUE]
    assert kinds(clinician) == [NotificationKind.OVERDUE, NotificationKind.CRITICAL]
    assert kinds(other) == []
    waiting.refresh_from_db()
    assert waiting.escalated_at
    acknowledge(by=administrator, critical=waiting)


def test_what_was_acknowledged_is_not_escalated(mark: Callable[..., CriticalResult], clinician: User) -> None:
    acknowledge(by=clinician, critical=late(mark()))
    assert escalate_overdue() == 0


def test_somebody_outside_is_told_by_telephone(
    mark: Callable[..., CriticalResult], radiologist: User, administrator: User
) -> None:
    made = mark(recipient=None, **OUTSIDE)
    assert not Notification.objects.filter(kind=NotificationKind.CRITICAL).exists()
    now = timezone.now()
    for at in (now + timedelta(hours=1), now - timedelta(days=2)):
        with pytest.raises(Refusal, match="time of the telephone call"):
            record_call(by=radiologist, critical=made, told_to="Dr Moor", told_at=at)
    with pytest.raises(Refusal, match="name of the person"):
        record_call(by=radiologist, critical=made, told_to=" ", told_at=now)
    escalated = late(mark(recipient=None, **OUTSIDE))
    assert escalate_overdue() == 1
    escalated.refresh_from_db()
    record_call(by=administrator, critical=escalated, told_to="Dr Moor", told_at=now)
    done = record_call(by=radiologist, critical=made, told_to="Dr Moor", told_at=now)
    assert (done.told_to, done.told_at, done.acknowledged_by) == ("Dr Moor", now, radiologist)


def test_it_is_sent_to_exactly_one_who_may_know(
    mark: Callable[..., CriticalResult], member: Callable[..., User], other_clinic: Clinic, clinician: User
) -> None:
    foreign = member("clinician", at=other_clinic)
    gone = member("clinician")
    gone.memberships.update(is_active=False)
    tried: list[tuple[dict[str, Any], str]] = [
        ({"finding": "  "}, "finding_needed"),
        ({"recipient": None}, "somebody_needed"),
        ({**OUTSIDE}, "somebody_needed"),
        ({"recipient": None, "outsider_name": "Dr Moor"}, "somebody_needed"),
        ({"recipient": foreign}, "not_a_colleague"),
        ({"recipient": gone}, "not_a_colleague"),
        ({"escalate_to": foreign}, "not_a_colleague"),
    ]
    for changes, code in tried:
        with pytest.raises(Refusal) as refused:
            mark(**changes)
        assert refused.value.code == code
    assert not CriticalResult.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        CriticalResult.objects.filter(pk=mark().pk).update(status="acknowledged")


@pytest.mark.parametrize("role", ["radiographer", "clinician", "administrator"])
def test_only_readers_mark(mark: Callable[..., CriticalResult], member: Callable[..., User], role: str) -> None:
    with pytest.raises(PermissionDenied):
        mark(by=member(role))


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_acknowledges(
    mark: Callable[..., CriticalResult], clinician: User, radiologist: User
) -> None:
    made = mark()

    def act(number: int) -> str:
        try:
            if number:
                record_call(by=radiologist, critical=made, told_to="Dr Moor", told_at=made.marked_at)
            else:
                acknowledge(by=clinician, critical=CriticalResult.objects.get(pk=made.pk))
        except NotAllowedNow as refused:
            return refused.code
        return "done"

    assert sorted(together(2, act)) == ["already_acknowledged", "done"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_escalate_it_once(mark: Callable[..., CriticalResult], administrator: User) -> None:
    late(mark())
    assert sum(together(3, lambda _: escalate_overdue())) == 1
    assert kinds(administrator) == [NotificationKind.OVERDUE]


# --- pages -------------------------------------------------------------------------------------------------
def test_from_mark_to_acknowledgement_by_pages(
    scan: Scan, radiologist: User, clinician: User, administrator: User
) -> None:
    reader, told, head = signed_in(radiologist), signed_in(clinician), signed_in(administrator)
    address = reverse("diagnosis:study-critical", args=[scan.study_id])
    assert address in reader.get(page(scan)).content.decode()
    assert address not in told.get(page(scan)).content.decode()
    assert reader.get(address).status_code == 200
    assert reader.post(address, {"recipient": clinician.pk}).status_code == 422
    assert reader.post(address, {"finding": FINDING}).status_code == 400
    assert reader.post(address, {"finding": FINDING, "recipient": clinician.pk}).status_code == 302
    made = CriticalResult.objects.get()
    confirm = reverse("diagnosis:critical-acknowledge", args=[made.pk])
    text = told.get(page(scan)).content.decode()
    assert FINDING in text
    assert confirm in text
    assert confirm not in reader.get(page(scan)).content.decode()
    assert signed_in(administrator).post(confirm).status_code == 403
    listed = reverse("diagnosis:oversight-critical")
    assert list(head.get(listed, {"state": "open"}).context["page"]) == [made]
    assert list(head.get(listed, {"state": "overdue"}).context["page"]) == []
    assert told.post(confirm).status_code == 302
    assert told.post(confirm).status_code == 409
    assert "has read this and will act" in reader.get(page(scan)).content.decode()
    assert list(head.get(listed, {"state": "acknowledged"}).context["page"]) == [made]
    assert told.get(listed).status_code == 403


def test_the_call_is_recorded_by_the_page(mark: Callable[..., CriticalResult], scan: Scan, radiologist: User) -> None:
    made, client = mark(recipient=None, **OUTSIDE), signed_in(radiologist)
    address = reverse("diagnosis:critical-told", args=[made.pk])
    assert address in client.get(page(scan)).content.decode()
    client.post(address, {"told_to": ""})
    assert CriticalResult.objects.get().is_open
    at = timezone.localtime(timezone.now() - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M")
    assert client.post(address, {"told_to": "Dr Moor", "told_at": at}).status_code == 302
    assert "told by telephone to Dr Moor" in client.get(page(scan)).content.decode()


def test_another_clinic_finds_nothing(
    mark: Callable[..., CriticalResult], scan: Scan, stranger: User, member: Callable[..., User], other_clinic: Clinic
) -> None:
    made = mark()
    for user in (stranger, member("administrator", at=other_clinic)):
        client = signed_in(user)
        assert client.post(reverse("diagnosis:study-critical", args=[scan.study_id])).status_code == 404
        for name in ("critical-acknowledge", "critical-told", "critical-withdraw"):
            assert client.post(reverse(f"diagnosis:{name}", args=[made.pk])).status_code == 404
    elsewhere = signed_in(member("administrator", at=other_clinic))
    assert list(elsewhere.get(reverse("diagnosis:oversight-critical")).context["page"]) == []


def test_it_is_hidden_from_who_may_still_read_second(
    mark: Callable[..., CriticalResult], scan: Scan, radiologist: User, clinician: User, member: Callable[..., User]
) -> None:
    first = read(radiologist, scan.reviews.get())
    mark()
    second = member("radiologist")
    assert len(rules.of_study(scan.study, visible_to=second)) == 1
    request_second_opinion(by=radiologist, review=first)
    assert rules.of_study(scan.study, visible_to=second) == []
    assert FINDING not in timeline(scan, second)
    assert len(rules.of_study(scan.study, visible_to=clinician)) == 1
    mark(recipient=second)
    assert [one.recipient for one in rules.of_study(scan.study, visible_to=second)] == [second]
    assert timeline(scan, second).count(FINDING) == 1


def test_the_timeline_says_how_far_it_is(mark: Callable[..., CriticalResult], scan: Scan, clinician: User) -> None:
    made = mark()
    assert "Critical result, not acknowledged" in timeline(scan, clinician)
    assert FINDING in timeline(scan, clinician)
    late(made)
    assert "Critical result, overdue" in timeline(scan, clinician)
    acknowledge(by=clinician, critical=made)
    assert "Critical result, acknowledged" in timeline(scan, clinician)


def timeline(scan: Scan, user: User) -> str:
    return signed_in(user).get(reverse("diagnosis:patient-detail", args=[scan.patient_id])).content.decode()
