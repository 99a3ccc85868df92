"""One case on the reading desk: look, commit a first impression, decide."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import Permission, require
from diagnosis.actions.authorisation import hand_over
from diagnosis.actions.draft import Written, save_draft
from diagnosis.actions.key_images import prepare_key_images
from diagnosis.actions.report import sign_report
from diagnosis.actions.review import (
    claim_next,
    commit_first_impression,
    decide_review,
    renew_claim,
    request_second_opinion,
)
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.forms.review import ImpressionForm, ReviewForm, draft_of
from diagnosis.models import Report, Review
from diagnosis.reviews.agreement import Contradiction
from diagnosis.rules import blinding, policies
from diagnosis.states import ReviewStatus
from diagnosis.views.review import page
from diagnosis.views.review.addresses import carried, queue_url, review_url
from diagnosis.views.review.queue import ahead, filter_of
from diagnosis.views.review.succession import change_of_patient, remember_read
from diagnosis.views.shortcuts import find, membership, person, rights, show
from diagnosis.views.signing import proof_of, proven

GO_ON = "reading_goes_on"
NEIGHBOURS = 2
SENTENCE_SAVED = gettext_lazy("Your draft is kept.")
DECIDED_THE_LAST = gettext_lazy(
    "Decided. There are no more cases for you to read. The queue keeps itself up to date; "
    "you can also widen the filters."
)
# Beside the decision, by the button: what is said when it is done, and when it is not.
DELIVERIES = {
    "sign": (gettext_lazy("Decided and signed: %(patient)s."), gettext_lazy("Decided, but not signed: %(reason)s")),
    "hand_over": (
        gettext_lazy("Decided and handed over for authorisation: %(patient)s."),
        gettext_lazy("Decided, but not handed over: %(reason)s"),
    ),
}
NO_CATEGORY = gettext_lazy("Choose a category, then commit it.")


@never_cache
@require_safe
def detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    review = find_review(request, pk)
    if review.is_held_by(person(request)):
        return _held(request, review)
    context = {"review": review, "may": rights(request, review.clinic), **_navigation(request)}
    if review.status != ReviewStatus.DECIDED:
        return render(request, "diagnosis/review/free.html", context)
    return render(request, "diagnosis/review/read.html", context | _read(request, review))


def _read(request: HttpRequest, review: Review) -> dict[str, Any]:
    """A finished reading; nothing of it for whoever may still read the scan."""
    if blinding.hides_reading(person(request), review.study_id):
        return {"hidden": gettext(blinding.READING_HIDDEN)}
    return {
        "report": review.scan.report,
        "second_opinion_blocked_reason": policies.second_opinion_blocked_reason(review.scan),
    }


@never_cache
@require_safe
def result(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The classifiers' result and the reader's stand on it, for the script that waits for it."""
    review = find_review(request, pk)
    return _stand(request, review)


@never_cache
@require_safe
def neighbours(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The pictures of the cases that come next, for the browser to fetch ahead; claims nothing."""
    review = find_review(request, pk)
    current = membership(request)
    form = filter_of(request, current.clinic if current else review.clinic, request.GET)
    return JsonResponse({"images": [_picture(case) for case in ahead(request, form, NEIGHBOURS)]})


def reading_address(view: Callable[[HttpRequest, uuid.UUID], HttpResponse]) -> Callable[..., HttpResponse]:
    """Takes a form; opened by itself, as after a sign-in or from a restored tab, it leads to the case."""

    @wraps(view)
    def wrapped(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        return view(request, pk) if request.method == "POST" else redirect(review_url(request, pk))

    return require_http_methods(["GET", "HEAD", "POST"])(wrapped)


@reading_address
def impression(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Commit the first impression; the answer shows the result."""
    review = find_review(request, pk)
    _keep_words(request, review)
    form = ImpressionForm(request.POST)
    if not form.is_valid():
        return _refused(request, review, Refusal("form", str(NO_CATEGORY)))
    try:
        commit_first_impression(by=person(request), review=review, category=form.cleaned_data["category"])
    except NotAllowedNow as refusal:
        return _refused(request, review, refusal)
    return _stand(request, review)


@reading_address
def decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Finish the reading; then go on to the next case, if the reader wants that."""
    review = find_review(request, pk)
    request.session[GO_ON] = bool(request.POST.get("go_on"))
    form = ReviewForm(request.POST, has_result=page.result_for(person(request), review.scan).has_predictions)
    if not form.is_valid():
        _keep_words(request, review)
        return _page(request, review, form=form, status=422)
    try:
        _decide(request, review, form)
    except Refusal as refusal:
        _keep_words(request, review)
        return _refused(request, review, refusal)
    remember_read(request, review)
    refused = _deliver(request, review)
    return refused or _show_next(request, review)


@require_POST
def second_opinion(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for another reader of a scan that has been read."""
    review = find_review(request, pk)
    try:
        request_second_opinion(by=person(request), review=review)
    except NotAllowedNow as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, _("A second opinion has been requested. The next reader will not see this reading."))
    return redirect(review_url(request, pk))


def _decide(request: HttpRequest, review: Review, form: ReviewForm) -> None:
    chosen, by = form.cleaned_data, person(request)
    decide_review(
        by=by,
        review=review,
        decision=chosen["decision"],
        category=chosen["category"],
        seen=chosen["seen"],
        key_images=prepare_key_images(review, form.marked(review.scan.pk)),
        **form.words,
    )
    if not chosen["ask_second"]:
        return
    try:
        request_second_opinion(by=by, review=review)
    except NotAllowedNow as refusal:
        # The decision stands; the clinic's own sampling may have asked already.
        messages.info(request, refusal.sentence)


def _deliver(request: HttpRequest, review: Review) -> HttpResponse | None:
    """Sign what has just been decided, or hand it over to those who sign, as the button says.

    The decision stands where that is refused, and the report's page says why.
    """
    review.refresh_from_db()
    report, asked = getattr(review, "report", None), _asked(request)
    if report is None or not asked:
        return None
    done, not_done = DELIVERIES[asked]
    try:
        _sign_or_hand_over(request, report, asked)
    except Refusal as refusal:
        messages.warning(request, str(not_done) % {"reason": refusal.sentence})
        return redirect("diagnosis:report-detail", pk=report.pk)
    messages.success(request, str(done) % {"patient": review.scan.patient.name})
    return None


def _asked(request: HttpRequest) -> str:
    """Which button beside "Decide" was pressed; empty for that one."""
    return next((name for name in DELIVERIES if name in request.POST), "")


def _sign_or_hand_over(request: HttpRequest, report: Report, asked: str) -> None:
    if asked == "sign":
        sign_report(by=person(request), report=report, proof=proof_of(request))
    else:
        hand_over(by=person(request), report=report)


def _show_next(request: HttpRequest, done: Review) -> HttpResponse:
    if not request.session[GO_ON]:
        if not _asked(request):
            messages.success(request, _what_remains(request, done))
        return redirect(review_url(request, done.pk))
    current = membership(request)
    form = filter_of(request, current.clinic if current else done.clinic, request.POST)
    following = claim_next(by=person(request), within=form.narrow(Review.objects.visible_to(person(request))))
    if following is None:
        messages.success(request, DECIDED_THE_LAST)
        return redirect(queue_url(request))
    return redirect(review_url(request, following.pk))


def _what_remains(request: HttpRequest, done: Review) -> str:
    if policies.drafts_only(person(request), done.clinic):
        return _("Decided. Hand the report over for authorisation when it is complete.")
    return _("Decided. The preliminary report is waiting for your signature.")


def _keep_words(request: HttpRequest, review: Review) -> None:
    """The reader sees these words next, so they are kept whatever else was."""
    sent, by = request.POST, person(request)
    try:
        save_draft(by=by, review=review, content=draft_of(sent), written=written_of(sent))
    except NotAllowedNow:
        save_draft(by=by, review=review, content=draft_of(sent))


def written_of(sent: Mapping[str, Any]) -> Written | None:
    """What the page says of itself; None from one without scripts, and where it says nonsense."""
    try:
        opened, turn = parse_datetime(sent.get("page_opened_at", "")), int(sent.get("turn") or 0)
    except ValueError:
        return None
    return Written(opened, turn) if opened and is_aware(opened) and 0 <= turn < 2**31 else None


def find_review(request: HttpRequest, pk: uuid.UUID) -> Review:
    review = find(
        Review.objects.select_related(
            "study__patient", "study__clinic", "study__representative__series", "image__series", "clinic", "reader"
        ),
        request,
        pk,
    )
    require(person(request), Permission.REVIEW_SCAN, review.clinic)
    return review


def _held(request: HttpRequest, review: Review) -> HttpResponse:
    try:
        # A reload comes after the farewell of the page before it.
        renew_claim(by=person(request), review=review)
    except NotAllowedNow:
        return redirect("diagnosis:review", pk=review.pk)
    return _page(request, review)


def _page(
    request: HttpRequest,
    review: Review,
    *,
    form: ReviewForm | None = None,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    context = page.context(review, reader=person(request), form=form) | _navigation(request)
    asks_why = isinstance(refusal, Contradiction) or bool(context["form"]["contradiction_reason"].value())
    context |= {"refusal": refusal, "asks_why": asks_why, "may": rights(request, review.clinic)}
    context["proven"] = proven(request)
    context["change"] = change_of_patient(request, review)
    return render(request, "diagnosis/review/review.html", context, status=status)


def _stand(request: HttpRequest, review: Review, *, status: int = 200) -> HttpResponse:
    context = page.context(review, reader=person(request)) | _navigation(request)
    return show(request, "diagnosis/review/review.html", "diagnosis/review/_decision.html", context, status=status)


def _refused(request: HttpRequest, review: Review, refusal: Refusal) -> HttpResponse:
    """The page again with the sentence; a script gets the sentence alone."""
    if request.headers.get("X-Fragment"):
        return JsonResponse({"code": refusal.code, "sentence": refusal.sentence}, status=refusal.http_status)
    review = find_review(request, review.pk)
    if not review.is_held_by(person(request)):
        messages.error(request, f"{refusal.sentence} {SENTENCE_SAVED}")
        return redirect(review_url(request, review.pk))
    return _page(request, review, refusal=refusal, status=refusal.http_status)


def _navigation(request: HttpRequest) -> dict[str, Any]:
    filters = carried(request)
    return {"filters": filters, "query": urlencode(filters), "go_on": request.session.get(GO_ON, True)}


def _picture(review: Review) -> str:
    return reverse("diagnosis:scan-greyscale", args=[review.scan.pk])
