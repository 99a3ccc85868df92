"""Reports in two steps: handing one over, and authorising it or sending it back."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Clinic
from accounts.permissions import Permission, require
from diagnosis.actions.authorisation import authorise_report, hand_over, send_back, take_back
from diagnosis.audited import note_rows
from diagnosis.forms.report import AuthoriseForm, ReturnForm, WithoutWords
from diagnosis.models import Report
from diagnosis.reviews.authorisation import own_drafts, to_authorise
from diagnosis.rules import policies
from diagnosis.views.report import carry_out
from diagnosis.views.shortcuts import in_clinic, person

A_PAGE = 30


@never_cache
@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """For those who sign: what waits for them. For those who draft: their own reports that nobody has signed yet."""
    by = person(request)
    require(by, Permission.REVIEW_SCAN, clinic)
    waiting = to_authorise(by)
    own, shown = own_drafts(by)[:A_PAGE], waiting[:A_PAGE]
    note_rows(Report, [*own, *shown])
    context = {
        "drafts_only": policies.drafts_only(by, clinic),
        "own": own,
        "waiting": shown,
        "count": waiting.count(),
    }
    return render(request, "diagnosis/review/authorisation.html", context)


@require_POST
def give(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    done = _("The report is handed over. A radiologist will authorise it or send it back.")
    form = WithoutWords(request.POST)
    return carry_out(request, pk, "hand_over_form", form, hand_over, done, needs=Permission.REVIEW_SCAN, signs=False)


@require_POST
def take(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    done = _("You have taken the report back. Hand it over again when it is complete.")
    form = WithoutWords(request.POST)
    return carry_out(request, pk, "hand_over_form", form, take_back, done, needs=Permission.REVIEW_SCAN, signs=False)


@require_POST
def give_back(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    done = _("The report is with its author again, who is told.")
    form = ReturnForm(request.POST, auto_id="id_return_%s")
    return carry_out(request, pk, "return_form", form, send_back, done, signs=False)


@sensitive_post_parameters("password")
@require_POST
def authorise(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    done = _("The report is authorised, signed and final. Its author is told.")
    form = AuthoriseForm(request.POST, auto_id="id_authorise_%s")
    return carry_out(request, pk, "authorise_form", form, authorise_report, done)
