"""Critical results: told to a named person at once, acknowledged with a time, escalated when nobody does, withdrawn."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis import tasks
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import CriticalResult, Notification, Patient, ReadingPolicy, Study
from diagnosis.models.critical_result import CriticalStatus
from diagnosis.models.notification import NotificationKind
from diagnosis.notifications import notify
from diagnosis.rules import critical_results as rules


@transaction.atomic
def mark_critical(
    *,
    by: User,
    study: Study,
    finding: str,
    recipient: User | None = None,
    outsider_name: str = "",
    outsider_phone: str = "",
    escalate_to: User | None = None,
) -> CriticalResult:
    """Tell a member of the clinic of a finding at once, or note whom outside to telephone.

    Raises Refusal where nobody, more than one or somebody who may not know of it is named, and NotAllowedNow where the
    study was taken back meanwhile.
    """
    require(by, Permission.REVIEW_SCAN, study.clinic)
    _hold(study)
    outsider = (outsider_name, outsider_phone)
    rules.require_addressed(study, finding=finding, recipient=recipient, outsider=outsider, escalate_to=escalate_to)
    now = timezone.now()
    made = CriticalResult.objects.create(
        clinic=study.clinic,
        study=study,
        finding=finding.strip(),
        marked_by=by,
        marked_at=now,
        recipient=recipient,
        outsider_name=outsider_name.strip(),
        outsider_phone=outsider_phone.strip(),
        due_at=now + timedelta(minutes=ReadingPolicy.of(study.clinic).critical_minutes),
        escalate_to=escalate_to,
    )
    if recipient:
        notify(recipient, study, NotificationKind.CRITICAL)
        transaction.on_commit(tasks.mail_now, robust=True)
    return made


def _hold(study: Study) -> None:
    """As whoever takes it back does: either it is gone before the mark, or the mark keeps it."""
    list(Patient.objects.select_for_update().filter(pk=study.patient_id))
    if not Study.objects.filter(pk=study.pk).exists():
        raise NotAllowedNow("study_gone", rules.STUDY_GONE)


def acknowledge(*, by: User, critical: CriticalResult) -> CriticalResult:
    """Say that one has read it and will act; the first one who says so stands."""
    rules.require_open(CriticalResult.objects.get(pk=critical.pk))
    if not rules.may_acknowledge(by, critical):
        raise PermissionDenied(gettext(rules.NOT_SENT_TO_YOU))
    return _close(critical, by=by)


def record_call(*, by: User, critical: CriticalResult, told_to: str, told_at: datetime) -> CriticalResult:
    """Note that somebody was told by telephone, whom and when; that acknowledges it."""
    rules.require_open(CriticalResult.objects.get(pk=critical.pk))
    if not rules.may_record_call(by, critical):
        raise PermissionDenied(gettext(rules.NOT_SENT_TO_YOU))
    rules.require_call(critical, told_to=told_to, told_at=told_at)
    return _close(critical, by=by, told_to=told_to.strip(), told_at=told_at)


@transaction.atomic
def withdraw_critical(*, by: User, critical: CriticalResult, reason: str) -> CriticalResult:
    """Say that one was marked by mistake. It stays written, and whoever was told of it is told of this.

    Somebody outside has to be telephoned again. Raises PermissionDenied, Refusal without a reason, and NotAllowedNow
    where it was withdrawn before.
    """
    if not reason.strip():
        raise Refusal("reason_needed", rules.REASON_NEEDED)
    if critical.is_withdrawn:
        raise rules.closed(critical)
    if not rules.may_withdraw(by, critical):
        raise PermissionDenied(gettext(rules.NOT_YOURS))
    told = {"withdrawn_by": by, "withdrawn_at": timezone.now(), "withdrawal_reason": reason.strip()[:400]}
    standing = CriticalResult.objects.standing().filter(pk=critical.pk)
    changed = standing.update(status=CriticalStatus.WITHDRAWN, **told)
    critical.refresh_from_db()
    if not changed:
        raise rules.closed(critical)
    _take_back_notices(critical, by=by)
    return critical


def _take_back_notices(critical: CriticalResult, *, by: User) -> None:
    """Nobody is asked to acknowledge it any more; all who had heard of it hear of this, by mail too."""
    if not CriticalResult.objects.open().filter(study=critical.study_id).exists():
        asking = (NotificationKind.CRITICAL, NotificationKind.OVERDUE)
        Notification.objects.filter(study=critical.study_id, kind__in=asking).mark_read()
    for person in rules.told(critical) - {by}:
        notify(person, critical.study, NotificationKind.RETRACTED)
    transaction.on_commit(tasks.mail_now, robust=True)


def _close(critical: CriticalResult, *, by: User, **told: Any) -> CriticalResult:
    changed = CriticalResult.objects.open().filter(pk=critical.pk)
    status = CriticalStatus.ACKNOWLEDGED
    if not changed.update(status=status, acknowledged_by=by, acknowledged_at=timezone.now(), **told):
        raise rules.closed(CriticalResult.objects.get(pk=critical.pk))
    critical.refresh_from_db()
    return critical
