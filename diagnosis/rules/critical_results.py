"""Critical results: who may mark one, who may say that it arrived, and who sees it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.models import Clinic, Membership, User
from accounts.permissions import Permission, allowed
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import CriticalResult, Study
from diagnosis.models.confidentiality import seeing
from diagnosis.rules import blinding

FINDING_NEEDED = gettext_noop("Write what was found. The person who is told reads these words.")
SOMEBODY_NEEDED = gettext_noop(
    "Choose a person of the clinic, or give the name and the telephone number of somebody outside; not both."
)
NOT_A_COLLEAGUE = gettext_noop("That person may not read results in this clinic. Choose another one.")
ALREADY_ACKNOWLEDGED = gettext_noop("This critical result was already acknowledged. Nothing was changed.")
ALREADY_WITHDRAWN = gettext_noop("This critical result was withdrawn. Nothing was changed.")
NOT_YOURS = gettext_noop(
    "Only the person who marked this critical result, or the clinic’s administrator, may withdraw it. "
    "Nothing was changed."
)
REASON_NEEDED = gettext_noop("Write why the critical result is withdrawn. Nothing was changed.")
STUDY_GONE = gettext_noop("This study was taken back by its uploader meanwhile. Nobody was told.")
NOT_SENT_TO_YOU = gettext_noop("Only the person whom this critical result was sent to may acknowledge it.")
NAME_NEEDED = gettext_noop("Write the name of the person whom you told.")
WRONG_TIME = gettext_noop(
    "The time of the telephone call must lie in the past, and not more than a day before the mark."
)

PEOPLE = ("marked_by", "recipient", "escalate_to", "acknowledged_by", "withdrawn_by")


def colleagues(clinic: Clinic) -> QuerySet[User]:
    """The members of the clinic who may read results, by name."""
    return Membership.objects.people(Permission.VIEW_RESULT, clinic.pk).order_by("full_name", "email")


def addressees(study: Study) -> QuerySet[User]:
    """Those of them who may see the patient: a confidential record is open to the people named for it."""
    return seeing(colleagues(study.clinic), study.patient_id)


def administrators(clinic: Clinic) -> QuerySet[User]:
    return Membership.objects.people(Permission.MANAGE_CLINIC, clinic.pk)


def require_addressed(
    study: Study, *, finding: str, recipient: User | None, outsider: tuple[str, str], escalate_to: User | None
) -> None:
    """Raise unless a finding is sent to exactly one person who may know of it. `outsider`: name and telephone."""
    if not finding.strip():
        raise Refusal("finding_needed", FINDING_NEEDED)
    given = [part for part in outsider if part.strip()]
    if (recipient is None) == (not given) or len(given) == 1:
        raise Refusal("somebody_needed", SOMEBODY_NEEDED)
    for person in (recipient, escalate_to):
        if person and not addressees(study).filter(pk=person.pk).exists():
            raise Refusal("not_a_colleague", NOT_A_COLLEAGUE)


def may_acknowledge(user: User, one: CriticalResult) -> bool:
    """Whom it was sent to; once it is overdue also the administrators, who were told then."""
    held = user.permissions_in(one.clinic)
    if not one.is_open or Permission.VIEW_RESULT not in held:
        return False
    if user.pk == one.recipient_id:
        return True
    return one.escalated_at is not None and (user.pk == one.escalate_to_id or Permission.MANAGE_CLINIC in held)


def may_record_call(user: User, one: CriticalResult) -> bool:
    """Readers of the clinic, who make such calls; once it is overdue also the administrators."""
    held = user.permissions_in(one.clinic)
    escalated = one.escalated_at is not None and Permission.MANAGE_CLINIC in held
    return one.is_open and (Permission.REVIEW_SCAN in held or escalated)


def require_call(one: CriticalResult, *, told_to: str, told_at: datetime) -> None:
    if not told_to.strip():
        raise Refusal("name_needed", NAME_NEEDED)
    if not one.marked_at - timedelta(days=1) <= told_at <= timezone.now():
        raise Refusal("wrong_time", WRONG_TIME)


def may_withdraw(user: User, one: CriticalResult) -> bool:
    """Who marked it, and the administrators; acknowledged or not."""
    held = user.permissions_in(one.clinic)
    if one.is_withdrawn or Permission.VIEW_RESULT not in held:
        return False
    return user.pk == one.marked_by_id or Permission.MANAGE_CLINIC in held


def require_open(one: CriticalResult) -> None:
    if not one.is_open:
        raise closed(one)


def closed(one: CriticalResult) -> NotAllowedNow:
    """The refusal of one that is not open."""
    if one.is_withdrawn:
        return NotAllowedNow("already_withdrawn", ALREADY_WITHDRAWN)
    return NotAllowedNow("already_acknowledged", ALREADY_ACKNOWLEDGED)


def told(one: CriticalResult) -> set[User]:
    """All the members of the clinic who have heard of it."""
    people = {one.recipient, one.acknowledged_by}
    if one.escalated_at:
        people |= {one.escalate_to, *administrators(one.clinic)}
    return {person for person in people if person}


def of_study(study: Study, *, visible_to: User) -> list[CriticalResult]:
    """Those of the study that the person may know of, the newest first.

    One tells of a reading. From somebody who may still become the second reader it is hidden with the reading, unless
    it was sent to them or by them.
    """
    if not allowed(visible_to, Permission.VIEW_RESULT, study.clinic):
        return []
    found = CriticalResult.objects.filter(study=study)
    if blinding.hides_reading(visible_to, study.pk):
        found = found.filter(_concerns(visible_to))
    return list(found.select_related(*PEOPLE, "clinic"))


def by_study(studies: Iterable[UUID], clinic: Clinic, *, visible_to: User) -> dict[UUID, list[CriticalResult]]:
    """The same for the studies of `clinic` with these keys, as far as they have any; two queries for a whole list."""
    keys, found = set(studies), defaultdict(list)
    if not keys or not allowed(visible_to, Permission.VIEW_RESULT, clinic):
        return {}
    hidden = Q(study__in=blinding.readings_hidden_among(visible_to, keys))
    for one in CriticalResult.objects.filter(~hidden | _concerns(visible_to), study__in=keys):
        found[one.study_id].append(one)
    return dict(found)


def _concerns(user: User) -> Q:
    return Q(recipient=user) | Q(escalate_to=user) | Q(marked_by=user)
