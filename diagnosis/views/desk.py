"""The start page after sign-in: find a patient, see what came in and what needs a person."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Clinic
from diagnosis.views import scan_list
from diagnosis.views.shortcuts import in_clinic, person, rights

RECENT = 8


@require_safe
@in_clinic
def show(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    # Priors come in beside what is new, and are none of it.
    scans = scan_list.listed(person(request), clinic).filter(represented_study__fetched_from="")
    troubled_count, troubled = scan_list.needing_a_person(person(request), clinic)
    context = {
        "clinic": clinic,
        "may": rights(request, clinic),
        "recent": scan_list.with_headlines(scans[:RECENT], person(request)),
        "troubled": scan_list.with_headlines(troubled, person(request)),
        "troubled_count": troubled_count,
        "open_count": scan_list.count_open(person(request), clinic),
    }
    return render(request, "diagnosis/desk/desk.html", context)
