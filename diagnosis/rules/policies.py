"""May this thing, now? Each rule raises a sentence, or answers with it: the tooltip of a disabled button."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

from accounts.models import Clinic, User
from accounts.permissions import Permission, allowed
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Analysis, Report, Review, Scan
from diagnosis.models.review import Decision, ReviewKind
from diagnosis.rules import blanks
from diagnosis.states import AnalysisStatus, ReviewStatus

ALREADY_OPEN = gettext_noop("This scan is already being analysed. Wait for the result or cancel it first.")
ALREADY_FINISHED = gettext_noop("This analysis has already finished, so there is nothing to cancel.")
ALREADY_READ = gettext_noop("This case has already been read.")
TAKEN = gettext_noop("Another reader has this case. Take the next one.")
OWN_READING = gettext_noop("You have already read this scan; a second opinion needs another reader.")
LEASE_LOST = gettext_noop(
    "This case went back to the queue because the page was away too long. Your draft is kept; take it again."
)
NEWER_DRAFT = gettext_noop("A later draft of this reading is kept already.")
IMPRESSION_STANDS = gettext_noop("Your first impression is already recorded and stands.")
IMPRESSION_FIRST = gettext_noop("Commit your first impression first; the classifiers' result is shown after it.")
RESULT_CHANGED = gettext_noop(
    "A newer result of the classifiers has come in. Look at it, then decide again; your words are kept."
)
ALREADY_FINAL = gettext_noop("This report is final. Write an addendum instead.")
NOT_FINAL = gettext_noop("This report is not signed yet; change it instead of adding to it.")
NOT_YOURS = gettext_noop("A report is signed by the radiologist whose reading it rests on.")
NOT_HANDED_OVER = gettext_noop("Its author has not handed this report over for authorisation.")
AUTHORISED_ALONE = gettext_noop("This report waits for authorisation. Read it on its own page and authorise it there.")
WAITS = gettext_noop("You have handed this report over. Take it back to change it, or wait until it is authorised.")
SIGN_YOURSELF = gettext_noop("You may sign this report yourself, so there is nothing to hand over.")
UNFILLED = gettext_noop("%(field)s is not filled in. Write what belongs there, or take the brackets away.")
MOVED_ON = gettext_noop("Somebody else was first. Look at the report again.")
COMMENT_NEEDED = gettext_noop("Say what its author is to do, in one sentence at least.")
TRAINEES_FIRST = gettext_noop("Second readings and arbitrations are for radiologists who sign reports.")
NO_PATIENT = gettext_noop(
    "These images were sent without a patient. Move them to the record of the person whom they show, then sign."
)
SECOND_OPEN = gettext_noop("A second reading of this scan is still open. Sign when it has been decided.")
IMAGES_CAME = gettext_noop(
    "Images came in or were moved after this reading, and the study waits to be read again. Read it; what is written "
    "then takes the place of these words."
)
SECOND_EXISTS = gettext_noop("A second opinion on this scan was already asked for.")
NOT_READ = gettext_noop("This scan has not been read yet, so there is nothing to give a second opinion on.")
REPORT_FINAL = gettext_noop(
    "The report on this scan is final. A second opinion would come too late; write an addendum."
)
IN_ERROR = gettext_noop("This report was entered in error. Nothing is added to it any more.")
CORRECTED_ALREADY = gettext_noop("This report was corrected before. Correct its latest version.")
NOT_FINAL_YET = gettext_noop("This report is not signed yet, so there is nothing to correct.")
IMPRESSION_NEEDED = gettext_noop("Write an impression, one sentence at least.")
REASON_NEEDED = gettext_noop("Say why, in one sentence at least.")
PROOF_NEEDED = gettext_noop("Type your password to sign.")
CONFIRMATION_NEEDED = gettext_noop("Confirm first that it is you. Nothing was signed.")
CATEGORY_STAYS = gettext_noop("The category is the author’s reading. Send the report back where it is another one.")
CHANGED_MEANWHILE = gettext_noop("The report changed while you signed it. Nothing was signed; read it again.")
LOOK_NOT_DUE = gettext_noop("This study does not wait for your second look; another reader may have taken it.")
NOT_YOUR_OWN = gettext_noop("That is not your password. Nothing was signed; type it again.")
TOO_MANY_TRIES = gettext_noop("Too many wrong passwords. Wait five minutes, then sign again.")


# --- analyses ----------------------------------------------------------------------------------------------
def rerun_blocked_reason(latest: Analysis | None) -> str:
    """Why a new analysis may not start now; empty when it may."""
    return gettext(ALREADY_OPEN) if latest and not latest.is_finished else ""


def require_rerunnable(latest: Analysis | None) -> None:
    _require("already_open", rerun_blocked_reason(latest))


def cancel_blocked_reason(analysis: Analysis) -> str:
    """Why this analysis may not be cancelled now; empty when it may."""
    return gettext(ALREADY_FINISHED) if analysis.is_finished else ""


def result_of(scan: Scan) -> Analysis | None:
    """The newest analysis that gave a result, of images that are all there still; None when there is none."""
    done = scan.analyses.filter(status=AnalysisStatus.SUCCEEDED).with_all_images()
    return done.order_by("-number").first()


# --- reviews -----------------------------------------------------------------------------------------------
def require_decidable(review: Review, *, by: User, decision: Decision, **words: Any) -> None:
    """Raise unless the decision fits the result and says why it overrides it. `words` as in decide_review."""
    has_result = result_of(review.scan) is not None
    if has_result and decision == Decision.NO_RESULT:
        raise Refusal(
            "decision_needed",
            gettext_noop("The classifiers gave a result. Say whether you agree with it or override it."),
        )
    if not has_result and decision != Decision.NO_RESULT:
        raise Refusal(
            "no_result", gettext_noop("There is no classifiers' result to agree with or override on this scan.")
        )
    if decision == Decision.OVERRIDE and not words.get("override_reason"):
        raise Refusal("reason_needed", gettext_noop("Say why you override the classifiers' result."))
    require_impression(str(words.get("impression", "")))
    if not words.get("image_quality"):
        raise Refusal("quality_needed", gettext_noop("Say how good the image is."))


def second_opinion_blocked_reason(scan: Scan) -> str:
    """Why nobody may ask for a second opinion now; empty when they may."""
    if not scan.reviews.filter(kind=ReviewKind.FIRST, status=ReviewStatus.DECIDED).exists():
        return gettext(NOT_READ)
    if scan.reviews.filter(kind=ReviewKind.SECOND).exists():
        return gettext(SECOND_EXISTS)
    return gettext(REPORT_FINAL) if Report.objects.on(scan).filter(signed_at__isnull=False).exists() else ""


def require_second_opinion_possible(scan: Scan) -> None:
    _require("second_opinion", second_opinion_blocked_reason(scan))


def discordant(scan: Scan) -> bool:
    """Whether first and second reader put the study into different categories; a later first reading counts alone."""
    read = scan.reviews.filter(status=ReviewStatus.DECIDED, kind__in=(ReviewKind.FIRST, ReviewKind.SECOND))
    return len(set(dict(read.order_by("decided_at").values_list("kind", "category")).values())) > 1


# --- reports -----------------------------------------------------------------------------------------------
def sign_blocked_reason(report: Report, *, by: User) -> str:
    """Why `by` may not sign this report now; empty when they may."""
    if report.is_final:
        return gettext(ALREADY_FINAL)
    if report.corrects_id:
        return ""  # a correction is written and signed at once, and waits for no reading
    if report.reading.reader_id != by.pk:
        return gettext(_of_somebody_else(report))
    return _not_ready(report)


def _of_somebody_else(report: Report) -> str:
    if report.handed_over_at:
        return AUTHORISED_ALONE
    author, clinic = report.reading.reader, report.study.clinic
    return NOT_HANDED_OVER if author and drafts_only(author, clinic) else NOT_YOURS


def drafts_only(user: User, clinic: Clinic) -> bool:
    """Whether the person reads in the clinic, and what they write is signed by others."""
    return allowed(user, Permission.REVIEW_SCAN, clinic) and not allowed(user, Permission.SIGN_REPORT, clinic)


def hand_over_blocked_reason(report: Report, *, by: User) -> str:
    """Why `by` may not hand this report over for authorisation now; empty when they may."""
    if report.is_final:
        return gettext(ALREADY_FINAL)
    if report.reading.reader_id != by.pk:
        return gettext(NOT_YOURS)
    if report.handed_over_at:
        return gettext(WAITS)
    return "" if drafts_only(by, report.study.clinic) else gettext(SIGN_YOURSELF)


def authorise_blocked_reason(report: Report) -> str:
    """Why nobody may authorise this report or send it back now; empty when a radiologist may."""
    if report.is_final:
        return gettext(ALREADY_FINAL)
    return _not_ready(report) if report.handed_over_at else gettext(NOT_HANDED_OVER)


def _not_ready(report: Report) -> str:
    """Whoever signs: a report is about somebody, and no reading of its images is open."""
    return gettext(NO_PATIENT) if report.study.patient.is_unassigned else _open_reading(report)


def _open_reading(report: Report) -> str:
    waiting = report.scan.reviews.open().exclude(pk=report.reading_id)
    kinds = set(waiting.values_list("kind", flat=True))
    if not kinds:
        return ""
    return gettext(IMAGES_CAME) if kinds == {ReviewKind.FIRST} else gettext(SECOND_OPEN)


def require_no_open_reading(report: Report) -> None:
    _require("not_signable", "" if report.corrects_id else _open_reading(report))


def revise_blocked_reason(report: Report, *, by: User) -> str:
    """Why `by` may not change this report's words now; empty when they may."""
    if report.is_final:
        return gettext(ALREADY_FINAL)
    if report.reading.reader_id != by.pk:
        return gettext(NOT_YOURS)
    return gettext(WAITS) if report.handed_over_at else ""


def require_revisable(report: Report, *, by: User, impression: str) -> None:
    _require("not_revisable", revise_blocked_reason(report, by=by))
    require_impression(impression)


def require_impression(words: str) -> None:
    if not words.strip():
        raise Refusal("impression_needed", IMPRESSION_NEEDED)


def require_filled_in(words: Mapping[str, Any]) -> None:
    """Raise where a section of a report still has a field in brackets."""
    for blank in blanks.unfilled(words).values():
        raise Refusal("field_unfilled", UNFILLED, field=blank)


def require_to_hand_over(report: Report, *, by: User) -> None:
    _require("not_to_hand_over", hand_over_blocked_reason(report, by=by))
    require_filled_in(vars(report))


def require_authorisable(report: Report) -> None:
    _require("not_authorisable", authorise_blocked_reason(report))


def require_signable(report: Report, *, by: User) -> None:
    _require("not_signable", sign_blocked_reason(report, by=by))


def require_amendable(report: Report, text: str) -> None:
    _require("not_final", amend_blocked_reason(report))
    if not text.strip():
        raise Refusal("text_needed", gettext_noop("Write the addendum before you sign it."))


def amend_blocked_reason(report: Report) -> str:
    """Why nothing may be added to this report now; empty when an addendum may."""
    if not report.is_final:
        return gettext(NOT_FINAL)
    if report.error:
        return gettext(IN_ERROR)
    return gettext(CORRECTED_ALREADY) if report.successor else ""


def correct_blocked_reason(report: Report) -> str:
    """Why this version may not be corrected or entered in error now; empty when it may."""
    return amend_blocked_reason(report) if report.is_final else gettext(NOT_FINAL_YET)


def require_correctable(report: Report, *, reason: str) -> None:
    _require("not_correctable", correct_blocked_reason(report))
    if not reason.strip():
        raise Refusal("reason_needed", REASON_NEEDED)


def _require(code: str, blocked_reason: str) -> None:
    if blocked_reason:
        raise NotAllowedNow(code, blocked_reason)
