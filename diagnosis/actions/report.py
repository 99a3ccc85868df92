from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.actors import actor_label
from accounts.models import User
from accounts.permissions import Permission, require
from accounts.reauthentication import WrongPassword, confirm_password
from diagnosis.errors import NotAllowedNow, Refusal, TooManyTries
from diagnosis.messages import Message
from diagnosis.models import Addendum, Report, Review
from diagnosis.models.notification import NotificationKind
from diagnosis.notifications import notify_uploader
from diagnosis.oversight import history
from diagnosis.reports import content as report_content
from diagnosis.rules import policies
from diagnosis.states import ReportStatus as S


def draft_report(*, by: User, review: Review) -> Report:
    """Make the study's preliminary report from a reading. A later reading's words, such as an arbiter's, take the place
    of those before them while nothing is signed.
    """
    words = {
        "review": review,
        "category": review.category,
        "image_quality": review.image_quality,
        "findings": review.findings,
        "impression": review.impression,
        "is_key_image": review.is_key_image,
        "written_by": by,
    }
    unsigned = Report.objects.filter(study=review.study_id, image=review.image_id, status=S.PRELIMINARY)
    _count_again(unsigned)
    if unsigned.update(**words):
        return unsigned.get()
    report = Report.objects.create(study=review.study, image=review.image, **words)
    Report.objects.log_transition(
        report.pk, "", S.PRELIMINARY, by=actor_label(by), note=Message("reading", {"variant": review.kind})
    )
    return report


def _count_again(unsigned: QuerySet[Report]) -> None:
    """The reading on which a report rested until now counts no more in the figures of its day."""
    for before in Review.objects.filter(report__in=unsigned, decided_at__isnull=False):
        assert before.decided_at
        history.forget(before.clinic_id, before.decided_at)


def revise_report(*, by: User, report: Report, findings: str, impression: str) -> Report:
    """Change the words of a preliminary report; its category belongs to the reading and stays."""
    require(by, Permission.SIGN_REPORT, report.study.clinic)
    policies.require_revisable(report, by=by, impression=impression)
    changed = Report.objects.filter(pk=report.pk, status=S.PRELIMINARY)
    if not changed.update(findings=findings.strip(), impression=impression.strip()):
        raise NotAllowedNow("already_final", policies.ALREADY_FINAL)
    report.refresh_from_db()
    return report


def sign_report(*, by: User, report: Report, password: str) -> Report:
    """Make a preliminary report final for ever. Asks for the signer's password again."""
    require(by, Permission.SIGN_REPORT, report.study.clinic)
    _confirm_password(by, password)
    with transaction.atomic():
        return _sign(by, report)


def _sign(by: User, report: Report) -> Report:
    # What is hashed must be what is signed: the row is read again, and its words are part of the UPDATE's condition.
    report = Report.objects.select_related(
        "study__clinic", "study__patient", "study__representative", "image", "review__analysis"
    ).get(pk=report.pk)
    policies.require_signable(report, by=by)
    at = timezone.now()
    snapshot = report_content.snapshot(report)
    signed = Report.objects.move(
        report.pk,
        S.PRELIMINARY,
        S.FINAL,
        by=actor_label(by),
        only=Q(findings=report.findings, impression=report.impression, review=report.review),
        signed_by=by,
        signed_at=at,
        signer_name=by.full_name,
        snapshot=snapshot,
        images=[image["id"] for image in snapshot["images"]],
        content_sha256=report_content.digest(report, snapshot, signer=by.full_name, at=at),
    )
    if not signed:
        raise NotAllowedNow("changed_meanwhile", policies.CHANGED_MEANWHILE)
    # Asked for while this waited for the row: request_second_opinion holds it too.
    policies.require_no_open_reading(report)
    report.refresh_from_db()
    notify_uploader(report.study, NotificationKind.REPORT)
    return report


def add_addendum(*, by: User, report: Report, text: str, password: str) -> Addendum:
    """Add signed words to a final report, chained to the hash before them."""
    require(by, Permission.SIGN_REPORT, report.study.clinic)
    _confirm_password(by, password)
    policies.require_amendable(report, text)
    try:
        with transaction.atomic():
            return _add(by, report, text.strip())
    except IntegrityError as error:
        # Two were signed at once; the number decided.
        raise NotAllowedNow("changed_meanwhile", policies.CHANGED_MEANWHILE) from error


def _add(by: User, report: Report, text: str) -> Addendum:
    last = report.addenda.order_by("number").last()
    at = timezone.now()
    before = last.content_sha256 if last else report.content_sha256
    addendum = Addendum.objects.create(
        report=report,
        number=last.number + 1 if last else 1,
        text=text,
        signed_by=by,
        signer_name=by.full_name,
        signed_at=at,
        content_sha256=report_content.addendum_digest(before, text, signer=by.full_name, at=at),
    )
    notify_uploader(report.study, NotificationKind.ADDENDUM)
    return addendum


def _confirm_password(by: User, password: str) -> None:
    try:
        confirm_password(by, password)
    except WrongPassword as wrong:
        if wrong.exhausted:
            raise TooManyTries("too_many_tries", policies.TOO_MANY_TRIES) from wrong
        raise Refusal("wrong_password", policies.NOT_YOUR_OWN) from wrong
