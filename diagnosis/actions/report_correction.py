"""What becomes of a final report that was wrong: a corrected version, or the word that it was entered in error."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import actor_label
from accounts.models import User
from accounts.permissions import Permission, require
from accounts.reauthentication import Proof
from diagnosis.actions.report import WORDS, hold, require_proof, sign_words
from diagnosis.actions.review import read_with
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.messages import Message
from diagnosis.models import EnteredInError, Report
from diagnosis.models.notification import NotificationKind
from diagnosis.models.seal import SealedPart
from diagnosis.notifications import notify_of_report
from diagnosis.oversight import history
from diagnosis.reports import content as report_content
from diagnosis.reports import seals
from diagnosis.rules import policies
from diagnosis.states import ReportStatus


def correct_report(
    *, by: User, report: Report, reason: str, password: str = "", proof: Proof | None = None, **words: Any
) -> Report:
    """Sign a corrected version of a final report, which stays as it was. Returns the new version.

    `words`: those that change, of `actions.report.WORDS`. Raises NotAllowedNow where it was corrected before.
    """
    require(by, Permission.SIGN_REPORT, report.study.clinic)
    policies.require_correctable(report, reason=reason)
    if not str(words.get("impression", report.impression)).strip():
        raise Refusal("impression_needed", policies.IMPRESSION_NEEDED)
    policies.require_filled_in(vars(report) | words)
    require_proof(by, password=password, proof=proof)
    try:
        with transaction.atomic():
            return _sign_version(by, report, reason.strip(), words)
    except IntegrityError as error:
        # Two corrected it at once; only one version may follow another.
        raise NotAllowedNow("not_correctable", policies.CORRECTED_ALREADY) from error


def _sign_version(by: User, wrong: Report, reason: str, words: dict[str, Any]) -> Report:
    report = hold(wrong)
    policies.require_correctable(report, reason=reason)
    said = {name: getattr(report, name) for name in WORDS} | words
    version = Report.objects.create(
        study=report.study, image=report.image, corrects=report, correction_reason=reason, written_by=by, **said
    )
    note = Message("corrects_report", {})
    Report.objects.log_transition(version.pk, "", ReportStatus.PRELIMINARY, by=actor_label(by), note=note)
    signed = sign_words(by, version)
    seals.seal(report, SealedPart.SUCCESSOR, signed.content_sha256)
    notify_of_report(signed.study, NotificationKind.CORRECTION)
    return signed


def enter_in_error(
    *,
    by: User,
    report: Report,
    reason: str,
    password: str = "",
    proof: Proof | None = None,
    read_again: bool = False,
) -> EnteredInError:
    """Say that a final report should never have been. Its words stay, struck through.

    `read_again` puts the study back into the reading queue.
    """
    require(by, Permission.SIGN_REPORT, report.study.clinic)
    policies.require_correctable(report, reason=reason)
    require_proof(by, password=password, proof=proof)
    try:
        with transaction.atomic():
            return _enter(by, report, reason.strip(), read_again=read_again)
    except IntegrityError as error:
        raise NotAllowedNow("not_correctable", policies.IN_ERROR) from error


def _count_again(report: Report) -> None:
    """The reading behind it counts no more in the figures of its day."""
    reading = report.reading
    if reading.decided_at:
        history.forget(reading.clinic_id, reading.decided_at)


def _enter(by: User, wrong: Report, reason: str, *, read_again: bool) -> EnteredInError:
    report = hold(wrong)
    policies.require_correctable(report, reason=reason)
    at, before = timezone.now(), report_content.last_hash(report)
    entered = EnteredInError.objects.create(
        report=report,
        reason=reason,
        signed_by=by,
        signer_name=by.full_name,
        signed_at=at,
        content_sha256=report_content.error_digest(before, reason, signer=by.full_name, at=at),
    )
    seals.seal(report, SealedPart.ERROR, entered.content_sha256)
    _count_again(report)
    note = Message("entered_in_error", {})
    Report.objects.log_transition(report.pk, report.status, ReportStatus.FINAL, by=actor_label(by), note=note)
    notify_of_report(report.study, NotificationKind.ERROR)
    if read_again:
        read_with(by=by, study=report.study)
    return entered
