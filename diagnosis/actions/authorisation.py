"""A report in two steps: who may not sign hands it over, and a radiologist authorises it or sends it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actors import actor_label
from accounts.models import User
from accounts.permissions import Permission, require
from accounts.reauthentication import Proof
from diagnosis.actions.report import freeze, read_again, require_proof
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.messages import Message
from diagnosis.models import Report, Review
from diagnosis.models.notification import NotificationKind
from diagnosis.notifications import notify, notify_of_report
from diagnosis.rules import policies
from diagnosis.states import ReportStatus


def hand_over(*, by: User, report: Report) -> Report:
    """Give one's own draft to those who sign. Its words stand still until it is taken back or sent back."""
    require(by, Permission.REVIEW_SCAN, report.study.clinic)
    policies.require_to_hand_over(report, by=by)
    drafts = Report.objects.filter(status=ReportStatus.PRELIMINARY, handed_over_at=None)
    given = {"handed_over_at": timezone.now(), "returned_by": None, "return_comment": ""}
    _change(_own(drafts, report, by), report, Message("handed_over"), by=by, **given)
    return report


def take_back(*, by: User, report: Report) -> Report:
    """Take one's own draft back to change it, as long as nobody has authorised it."""
    require(by, Permission.REVIEW_SCAN, report.study.clinic)
    mine = _own(Report.objects.handed_over(), report, by)
    _change(mine, report, Message("withdrawn_by_author"), by=by, handed_over_at=None)
    return report


def _own(rows: QuerySet[Report], report: Report, author: User) -> QuerySet[Report]:
    """Without a join: an UPDATE would ask it of a subquery, and the state with it, which may be older than the row."""
    return rows.filter(pk=report.pk, review__in=Review.objects.filter(reader=author))


def send_back(*, by: User, report: Report, seen: datetime, comment: str) -> Report:
    """Return a report to its author, who is told, with a word on what to do.

    `seen`: as for `authorise_report`: a remark on words that were changed since would mislead.
    """
    require(by, Permission.SIGN_REPORT, report.study.clinic)
    comment = comment.strip()
    if not comment:
        raise Refusal("comment_needed", policies.COMMENT_NEEDED)
    waiting = Report.objects.handed_over().filter(pk=report.pk, handed_over_at=seen)
    said = Message("sent_back", {"comment": comment})
    with transaction.atomic():
        _change(waiting, report, said, by=by, handed_over_at=None, returned_by=by, return_comment=comment)
        notify(report.written_by, report.study, NotificationKind.RETURNED)
    return report


def authorise_report(
    *, by: User, report: Report, seen: datetime, password: str = "", proof: Proof | None = None, **words: Any
) -> Report:
    """Sign a report that was handed over. Its author's name stays beside the signer's.

    `seen`: when the report was handed over that the page showed; one that was taken back since, and handed over again,
    is refused. `words`: of `actions.report.WORDS`, as they are to be signed. The author's own stay in the snapshot
    where they differ. The category is the author's reading, and stays: agreement was derived from it.
    """
    require(by, Permission.SIGN_REPORT, report.study.clinic)
    require_proof(by, password=password, proof=proof)
    with transaction.atomic():
        current = read_again(report)
        policies.require_authorisable(current)
        if current.handed_over_at != seen:
            raise NotAllowedNow("changed_meanwhile", policies.CHANGED_MEANWHILE)
        signed = _authorise(by, current, words)
        notify_of_report(signed.study, NotificationKind.REPORT)
        notify(signed.written_by, signed.study, NotificationKind.AUTHORISED)
        return signed


def _authorise(by: User, current: Report, words: dict[str, Any]) -> Report:
    if words.get("category", current.category) != current.category:
        raise Refusal("category_stays", policies.CATEGORY_STAYS)
    changed = {name: value for name, value in words.items() if _said(value) != _said(getattr(current, name))}
    policies.require_impression(str(changed.get("impression", current.impression)))
    return freeze(by, current, changed=changed, note=Message("authorised_changed" if changed else "authorised"))


def _said(value: Any) -> Any:
    """Browsers end lines as they like; that alone is no change of the author's words."""
    return "\n".join(value.splitlines()) if isinstance(value, str) else value


@transaction.atomic
def _change(rows: Any, report: Report, note: Message, *, by: User, **values: Any) -> None:
    """One conditional UPDATE of a report that stays preliminary, and the row that tells of it."""
    if not rows.update(**values):
        raise NotAllowedNow("changed_meanwhile", policies.MOVED_ON)
    stays = ReportStatus.PRELIMINARY
    Report.objects.log_transition(report.pk, stays, stays, by=actor_label(by), note=note)
    report.refresh_from_db()
