from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Notification, Report, SecondLook
from diagnosis.models.notification import NotificationKind
from diagnosis.models.review import Category
from diagnosis.models.second_look import Outcome
from diagnosis.reviews import second_looks
from diagnosis.rules import policies


def take_second_look(*, by: User, report: Report) -> SecondLook:
    """Take a contradicted report for a second look; from now on `by` sees neither report nor result until deciding."""
    require(by, Permission.REVIEW_SCAN, report.study.clinic)
    if not second_looks.due_to(by).filter(pk=report.pk).exists():
        raise NotAllowedNow("not_due", policies.LOOK_NOT_DUE)
    try:
        with transaction.atomic():
            return SecondLook.objects.create(report=report, reader=by)
    except IntegrityError as error:
        # Two took it at once.
        raise NotAllowedNow("taken", policies.LOOK_NOT_DUE) from error


def give_back_second_look(*, by: User, look: SecondLook) -> None:
    """Return it undecided. Nothing is lost: nothing had been said."""
    if not SecondLook.objects.filter(pk=look.pk, reader=by, decided_at=None).delete()[0]:
        raise NotAllowedNow("not_due", policies.LOOK_NOT_DUE)


@transaction.atomic
def decide_second_look(*, by: User, look: SecondLook, category: Category, needs_action: bool, note: str) -> SecondLook:
    """Keep what the second reader sees, and tell whoever signed where it is not what the report says.

    The signed report stays; what has to be added is an addendum.
    """
    require(by, Permission.REVIEW_SCAN, look.report.study.clinic)
    found = second_looks.outcome(look.report, category)
    changed = SecondLook.objects.filter(pk=look.pk, reader=by, decided_at=None).update(
        category=category, outcome=found, needs_action=needs_action, note=note.strip(), decided_at=timezone.now()
    )
    if not changed:
        raise NotAllowedNow("not_due", policies.LOOK_NOT_DUE)
    if found != Outcome.REPORT:
        signer = look.report.signed_by_id
        assert signer is not None  # only a signed report is looked at again
        Notification.objects.create(recipient_id=signer, study=look.report.study, kind=NotificationKind.LOOK)
    look.refresh_from_db()
    return look
