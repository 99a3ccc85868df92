"""Holding a case: take it, keep it, leave it, give it back, and keep what was typed."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from diagnosis.actions.draft import save_draft
from diagnosis.actions.review import claim_review, leave_review, release_review, renew_claim
from diagnosis.errors import NotAllowedNow
from diagnosis.forms.review import draft_of
from diagnosis.models import Draft, Review
from diagnosis.views.review.addresses import queue_url, review_url
from diagnosis.views.review.detail import find_review, written_of
from diagnosis.views.shortcuts import person


@require_POST
def claim(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    review = find_review(request, pk)
    try:
        claim_review(by=person(request), review=review)
    except NotAllowedNow as refusal:
        messages.error(request, refusal.sentence)
        return redirect(queue_url(request))
    return redirect(review_url(request, pk))


@require_POST
def renew(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The heartbeat of an open page."""
    try:
        until = renew_claim(by=person(request), review=find_review(request, pk))
    except NotAllowedNow as refusal:
        return _refusal_json(refusal)
    return JsonResponse({"until": until.isoformat()})


@never_cache
@require_http_methods(["GET", "POST"])
def draft(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The reader's own draft. A refusal tells the time, so that a page which is still there may speak later than it."""
    review = find_review(request, pk)
    if request.method == "GET":
        return _draft_json(Draft.objects.filter(review=review, reader=person(request)).first())
    with transaction.atomic():
        # A decision deletes the draft: one that is saved meanwhile comes before it, or is refused.
        held = Review.objects.select_for_update(no_key=True).get(pk=review.pk)
        if held.decision:
            decided = _("This case has been decided, so nothing further is saved.")
            return _refusal_json(NotAllowedNow("already_read", decided), own=held.reader_id == person(request).pk)
        try:
            kept = _save(request, review)
        except NotAllowedNow as refusal:
            return _refusal_json(refusal, now=timezone.now().isoformat())
    return _draft_json(kept)


@require_POST
def leave(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The farewell of a page that goes away, with the last words typed into it."""
    review = find_review(request, pk)
    _keep(request, review)
    leave_review(by=person(request), review=review, known_until=_time_of(request.POST.get("until", "")))
    return HttpResponse(status=204)


@require_POST
def release(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Give the case back."""
    review = find_review(request, pk)
    _keep(request, review)
    try:
        release_review(by=person(request), review=review)
    except NotAllowedNow as refusal:
        messages.info(request, refusal.sentence)
    return redirect(queue_url(request))


def _keep(request: HttpRequest, review: Review) -> None:
    """The last words, if there are any; a page on which nothing was typed leaves no draft."""
    if not draft_of(request.POST) or review.decision:
        return
    # A farewell that was overtaken by the next page is of no more use.
    with suppress(NotAllowedNow):
        _save(request, review)


def _time_of(text: str) -> datetime | None:
    """What the page was told when it renewed its lease; None where it does not know, or says nonsense."""
    try:
        time = parse_datetime(text)
    except ValueError:
        return None
    return time if time and is_aware(time) else None


def _save(request: HttpRequest, review: Review) -> Draft:
    sent = request.POST
    return save_draft(by=person(request), review=review, content=draft_of(sent), written=written_of(sent))


def _draft_json(draft: Draft | None) -> JsonResponse:
    if draft is None:
        return JsonResponse({"content": {}, "saved_at": None})
    return JsonResponse({"content": draft.content, "saved_at": draft.saved_at.isoformat()})


def _refusal_json(refusal: NotAllowedNow, **more: Any) -> JsonResponse:
    return JsonResponse({"code": refusal.code, "sentence": refusal.sentence, **more}, status=refusal.http_status)
