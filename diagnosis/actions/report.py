from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.actors import actor_label
from accounts.models import User
from accounts.permissions import Permission, require
from accounts.reauthentication import Proof, WrongPassword, confirm_password
from diagnosis.errors import NotAllowedNow, Refusal, TooManyTries
from diagnosis.messages import Message
from diagnosis.models import Addendum, Report, Review
from diagnosis.models.notification import NotificationKind
from diagnosis.models.seal import SealedPart
from diagnosis.notifications import notify_of_report
from diagnosis.oversight import history
from diagnosis.reports import content as report_content
from diagnosis.reports import seals
from diagnosis.rules import policies
from diagnosis.states import ReportStatus as S

# What a signature is for, beside the reading and its images.
WORDS = (
    *("category", "image_quality", "indication", "technique", "comparison", "findings", "coded_findings"),
    *("impression", "is_key_image"),
)


def draft_report(*, by: User, review: Review) -> Report:
    """Make the study's preliminary report from a reading. A later reading's words, such as an arbiter's, take the place
    of those before them while nothing is signed.
    """
    words = {
        "review": review,
        "category": review.category,
        "image_quality": review.image_quality,
        "indication": review.indication,
        "technique": review.technique,
        "comparison": review.comparison,
        "findings": review.findings,
        "coded_findings": review.coded_findings,
        "impression": review.impression,
        "is_key_image": review.is_key_image,
        "written_by": by,
        # Others' words now: nobody has handed these over, or sent them back.
        "handed_over_at": None,
        "returned_by": None,
        "return_comment": "",
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


def revise_report(*, by: User, report: Report, findings: str, impression: str, **sections: Any) -> Report:
    """Change the words of a preliminary report; its category belongs to the reading and stays.

    `sections`: indication, technique, comparison and coded_findings, as far as they change.
    """
    require(by, Permission.REVIEW_SCAN, report.study.clinic)
    policies.require_revisable(report, by=by, impression=impression)
    changed = Report.objects.filter(pk=report.pk, status=S.PRELIMINARY, handed_over_at=None)
    if not changed.update(findings=findings.strip(), impression=impression.strip(), **sections):
        report.refresh_from_db()
        raise NotAllowedNow("not_revisable", policies.revise_blocked_reason(report, by=by))
    report.refresh_from_db()
    return report


def sign_report(*, by: User, report: Report, password: str = "", proof: Proof | None = None) -> Report:
    """Make a preliminary report final for ever. Asks for the signer's password, or for a proof that still holds."""
    require(by, Permission.SIGN_REPORT, report.study.clinic)
    require_proof(by, password=password, proof=proof)
    with transaction.atomic():
        signed = sign_words(by, report)
        notify_of_report(signed.study, NotificationKind.REPORT)
        return signed


def sign_words(by: User, report: Report) -> Report:
    """Freeze the words and hash them. Whoever calls has asked for the proof, and holds a transaction."""
    report = read_again(report)
    policies.require_signable(report, by=by)
    return freeze(by, report)


def read_again(report: Report) -> Report:
    """The row as it is now, with all that a signature is for: what is hashed must be what is signed."""
    related = ("study__clinic", "study__patient", "study__representative", "image", "review__analysis", "written_by")
    return Report.objects.select_related(*related, "review__reader").get(pk=report.pk)


def freeze(
    by: User, report: Report, *, changed: Mapping[str, Any] | None = None, note: Message | None = None
) -> Report:
    """Sign the words of `report` as it was read again, with those in `changed` instead: one conditional UPDATE.

    The words that the row had are part of the condition. What `changed` takes the place of is frozen too.
    """
    seen, words, by_label = _same_words(report), dict(changed or {}), actor_label(by)
    drafted = {name: getattr(report, name) for name in words}
    for name, value in words.items():
        setattr(report, name, value)
    policies.require_filled_in(vars(report))
    signature = _signature(by, report, drafted)
    if not Report.objects.move(
        report.pk, S.PRELIMINARY, S.FINAL, by=by_label, only=seen, note=note, **words, **signature
    ):
        raise NotAllowedNow("changed_meanwhile", policies.CHANGED_MEANWHILE)
    # Asked for while this waited for the row: request_second_opinion holds it too.
    policies.require_no_open_reading(report)
    report.refresh_from_db()
    seals.seal(report, SealedPart.REPORT, report.content_sha256)
    return report


def _same_words(report: Report) -> Q:
    same = {name: getattr(report, name) for name in WORDS}
    return Q(review=report.review, handed_over_at=report.handed_over_at, **same)


def _signature(by: User, report: Report, drafted: dict[str, Any]) -> dict[str, Any]:
    at, author = timezone.now(), report.written_by.full_name
    snapshot = report_content.snapshot(report, drafted=drafted)
    return {
        "signed_by": by,
        "signed_at": at,
        "signer_name": by.full_name,
        "author_name": author,
        "snapshot": snapshot,
        "images": [image["id"] for image in snapshot["images"]],
        "canonical_form": report_content.CANONICAL_FORM,
        "content_sha256": report_content.digest(report, snapshot, signer=by.full_name, at=at, author=author),
    }


def add_addendum(*, by: User, report: Report, text: str, password: str = "", proof: Proof | None = None) -> Addendum:
    """Add signed words to a final report, chained to the hash before them."""
    require(by, Permission.SIGN_REPORT, report.study.clinic)
    require_proof(by, password=password, proof=proof)
    policies.require_amendable(report, text)
    policies.require_filled_in({"findings": text})
    try:
        with transaction.atomic():
            return _add(by, report, text.strip())
    except IntegrityError as error:
        # Two were signed at once; the number decided.
        raise NotAllowedNow("changed_meanwhile", policies.CHANGED_MEANWHILE) from error


def hold(report: Report) -> Report:
    """The row as it is now, for this transaction alone: what is signed follows what was signed before it."""
    return Report.objects.select_for_update(of=("self",)).get(pk=report.pk)


def _add(by: User, signed: Report, text: str) -> Addendum:
    report = hold(signed)
    policies.require_amendable(report, text)
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
    seals.seal(report, SealedPart.ADDENDUM, addendum.content_sha256)
    notify_of_report(report.study, NotificationKind.ADDENDUM)
    return addendum


def require_proof(by: User, *, password: str, proof: Proof | None) -> None:
    """Raise unless a proof still holds, or the password is the person's own."""
    if proof is not None and proof.holds_for(by):
        return
    if not password:
        raise Refusal("proof_needed", policies.PROOF_NEEDED)
    try:
        confirm_password(by, password)
    except WrongPassword as wrong:
        raise wrong_password(wrong) from wrong


def wrong_password(wrong: WrongPassword) -> Refusal:
    """The same as a sentence for the person."""
    if wrong.exhausted:
        return TooManyTries("too_many_tries", policies.TOO_MANY_TRIES)
    return Refusal("wrong_password", policies.NOT_YOUR_OWN)
