from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Clinic
from accounts.permissions import Permission, require
from diagnosis import keyset
from diagnosis.actions.review import claim_next, flag_urgent, release_expired
from diagnosis.audited import note_rows
from diagnosis.errors import NotAllowedNow
from diagnosis.forms.queue_filter import QueueFilter
from diagnosis.models import Review, SavedFilter
from diagnosis.models.review import ReviewQuerySet
from diagnosis.reviews import authorisation, orders, second_looks
from diagnosis.rules import blinding
from diagnosis.views.review.addresses import queue_url, review_url
from diagnosis.views.review.figures import MOST_MATCHING, numbers
from diagnosis.views.review.heads import heads
from diagnosis.views.review.rows import Row, prepared, rows_of
from diagnosis.views.review.unsigned import unsigned
from diagnosis.views.shortcuts import find, in_clinic, person, rights, wants_fragment

REVIEWS_A_PAGE = 30
NOTHING_LEFT = _(
    "There are no cases for you to read. The queue keeps itself up to date; you can also widen the filters."
)


@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    require(person(request), Permission.VIEW_RESULT, clinic)
    form = filter_of(request, clinic, request.GET)
    release_expired(Review.objects.filter(clinic__in=form.chosen_clinics))
    context = _context(request, form)
    tag = _etag(context)
    if wants_fragment(request) and request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        response = _shown(request, context | {"clinic": clinic, "may": rights(request, clinic)})
    for name, value in (("ETag", tag), ("Cache-Control", "private, no-store"), ("Vary", "X-Fragment, Cookie")):
        response.headers[name] = value
    return response


def _shown(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    if wants_fragment(request):
        return render(request, "diagnosis/review/_queue.html", context)
    by = person(request)
    more = {
        "unsigned": unsigned(by).count(),
        "to_authorise": authorisation.to_authorise(by).count(),
        "drafts": authorisation.own_drafts(by).count(),
        "second_looks": second_looks.count_due_to(by),
        "saved_filters": SavedFilter.objects.filter(user=by),
    }
    return render(request, "diagnosis/review/queue.html", context | more)


@require_POST
@in_clinic
def take_next(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """Claim the first case of the filtered queue that nobody holds."""
    require(person(request), Permission.REVIEW_SCAN, clinic)
    form = filter_of(request, clinic, request.POST)
    review = claim_next(by=person(request), within=_readable(request, form))
    if review is None:
        messages.info(request, NOTHING_LEFT)
        return redirect(queue_url(request))
    return redirect(review_url(request, review.pk))


@require_POST
def urgent(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    review = find(Review.objects.select_related("clinic"), request, pk)
    try:
        flag_urgent(by=person(request), review=review, urgent=request.POST.get("urgent") == "1")
    except NotAllowedNow as refusal:
        messages.error(request, refusal.sentence)
    return redirect(queue_url(request))


def filter_of(request: HttpRequest, clinic: Clinic, sent: QueryDict) -> QueueFilter:
    reader = person(request)
    clinics = list(Clinic.objects.where(reader, Permission.VIEW_RESULT))
    blind = blinding.hiding_clinics(reader).exists()
    return QueueFilter(sent, reader=reader, home=clinic, clinics=clinics, blind=blind)


def ahead(request: HttpRequest, form: QueueFilter, count: int) -> list[Review]:
    """The cases that the reader would be given next, nobody's yet."""
    waiting = _readable(request, form).filter(status="waiting").open_to(person(request)).in_order()
    return list(waiting.select_related("study__representative", "image")[:count])


def _readable(request: HttpRequest, form: QueueFilter) -> ReviewQuerySet:
    """The filtered queue of the clinics where the person may read."""
    readable = Clinic.objects.where(person(request), Permission.REVIEW_SCAN)
    return form.narrow(Review.objects.filter(clinic__in=readable).without_hidden(person(request)))


def _context(request: HttpRequest, form: QueueFilter) -> dict[str, Any]:
    reader = person(request)
    narrowed = form.narrow(Review.objects.open().without_hidden(reader))
    after = request.GET.get("after", "")
    seen = Review.objects.visible_to(reader)
    page = orders.page(prepared(narrowed), form.order, size=REVIEWS_A_PAGE, mark=after, among=seen)
    note_rows(Review, page)
    return {
        "form": form,
        "rows": rows_of(list(page), reader=reader),
        # The case's key, not its place, is in the address: the place would tell of the result.
        "further": page.next,
        "from_front": not after,
        "filters": urlencode(form.chosen),
        "numbers": numbers(form.chosen_clinics, reader=reader),
        "matching": keyset.count(narrowed, most=MOST_MATCHING) if form.narrowed else None,
        "blind": "zone" not in form.fields,
        "heads": heads(form),
    }


def _etag(context: dict[str, Any]) -> str:
    """Over all that the fragment shows: waiting times are whole minutes."""
    shown: list[Row] = context["rows"]
    state = [
        [row.state for row in shown],
        [str(value) for value in vars(context["numbers"]).values()],
        str(context["matching"]),
        context["filters"],
        f"{timezone.now():%Y-%m-%dT%H:%M}",
        [translation.get_language(), timezone.get_current_timezone_name()],
    ]
    return f'"{hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]}"'
