from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis import policies, report_content
from diagnosis.actions.people import named
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Addendum, Report, Review
from diagnosis.models.notification import NotificationKind
from diagnosis.notices import notify_uploader
from diagnosis.states import ReportStatus as S


def draft_report(*, by: User, review: Review) -> Report:
    """Make the scan's preliminary report from a reading, or put an arbiter's words in the place of the first reader's."""
    words = {
        "review": review,
        "category": review.category,
        "image_quality": review.image_quality,
        "findings": review.findings,
        "impression": review.impression,
        "is_key_image": review.is_key_image,
        "written_by": by,
    }
    if Report.objects.filter(scan=review.scan, status=S.PRELIMINARY).update(**words):
        return Report.objects.get(scan=review.scan)
    report = Report.objects.create(scan=review.scan, **words)
    Report.objects.tell(report.pk, "", S.PRELIMINARY, by=named(by), note=review.get_kind_display())
    return report


@transaction.atomic
def sign_report(*, by: User, report: Report, password: str) -> Report:
    """Make a preliminary report final for ever. Asks for the signer's password again."""
    require(by, Permission.SIGN_REPORT, report.scan.clinic)
    _prove(by, password)
    policies.require_signable(report, by=by)
    at = timezone.now()
    snapshot = report_content.snapshot(report)
    signed = Report.objects.move(
        report.pk,
        S.PRELIMINARY,
        S.FINAL,
        by=named(by),
        signed_by=by,
        signed_at=at,
        signer_name=by.full_name,
        snapshot=snapshot,
        content_sha256=report_content.digest(report, snapshot, signer=by.full_name, at=at),
    )
    if not signed:
        raise NotAllowedNow("already_final", policies.ALREADY_FINAL)
    report.refresh_from_db()
    notify_uploader(report.scan, NotificationKind.REPORT)
    return report


@transaction.atomic
def add_addendum(*, by: User, report: Report, text: str, password: str) -> Addendum:
    """Add signed words to a final report, chained to the hash before them."""
    require(by, Permission.SIGN_REPORT, report.scan.clinic)
    _prove(by, password)
    policies.require_amendable(report, text)
    last = report.addenda.order_by("number").last()
    at = timezone.now()
    before = last.content_sha256 if last else report.content_sha256
    addendum = Addendum.objects.create(
        report=report,
        number=last.number + 1 if last else 1,
        text=text.strip(),
        signed_by=by,
        signer_name=by.full_name,
        signed_at=at,
        content_sha256=report_content.addendum_digest(before, text.strip(), signer=by.full_name, at=at),
    )
    notify_uploader(report.scan, NotificationKind.ADDENDUM)
    return addendum


def _prove(by: User, password: str) -> None:
    if not by.check_password(password):
        raise Refusal("wrong_password", "That is not your password. Nothing was signed; type it again.")
