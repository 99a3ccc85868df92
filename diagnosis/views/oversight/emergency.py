"""Confidential records, and each emergency access with its review."""

from __future__ import annotations

import uuid

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from audit.notes import note_list
from diagnosis.actions.emergency import review_emergency
from diagnosis.forms.confidentiality import ReviewForm
from diagnosis.oversight import emergency
from diagnosis.rules import confidentiality as rules
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.shortcuts import do_and_tell, noted, person

A_PAGE = 25


@never_cache
@require_safe
@overseen
def index(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Names no patient: the record number says which one, to people who look after it without seeing it."""
    clinics = scope.managed.intersection(scope.keys)
    found = emergency.of_clinics(clinics)
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    kept = emergency.kept(clinics)
    shown = [one.patient_id for one in page] + [one.patient.pk for one in kept]
    note_list("diagnosis.emergencyaccess", shown)
    context = {
        "page": page,
        "rows": [emergency.looked(one) for one in page],
        "unreviewed": found.unreviewed().count(),
        "kept": kept,
        "kept_count": rules.kept(clinics).count(),
        "me": person(request).pk,
    }
    return show(request, scope, "emergency", _("Confidential records"), context)


@require_POST
@overseen
def review(request: HttpRequest, scope: Scope, pk: uuid.UUID) -> HttpResponse:
    access = noted(get_object_or_404(emergency.of_clinics(scope.managed.intersection(scope.keys)), pk=pk))
    form = ReviewForm(request.POST)
    form.is_valid()
    remark = form.cleaned_data.get("remark", "")
    do_and_tell(request, lambda: review_emergency(by=person(request), access=access, remark=remark), _("Reviewed."))
    return redirect("diagnosis:oversight-emergency")
