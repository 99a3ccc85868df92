from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import Permission, require
from diagnosis.actions.analysis import cancel_analysis, rerun_analysis
from diagnosis.errors import Refusal
from diagnosis.models import Analysis, Scan
from diagnosis.views.scan import page
from diagnosis.views.shortcuts import find, person


@require_safe
def detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The scan's page with this analysis instead of the latest."""
    analysis = _find(request, pk)
    require(person(request), Permission.VIEW_RESULT, analysis.study.clinic)
    return page(request, analysis.scan, analysis=analysis)


@require_POST
def rerun(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    scan = find(Scan.objects.select_related("patient", "clinic", "uploaded_by"), request, pk)
    try:
        rerun_analysis(by=person(request), study=scan.study)
    except Refusal as refusal:
        return page(request, scan, refusal=refusal)
    return redirect("diagnosis:scan-detail", pk=scan.pk)


@require_POST
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    analysis = _find(request, pk)
    try:
        cancel_analysis(by=person(request), analysis=analysis)
    except Refusal as refusal:
        return page(request, analysis.scan, refusal=refusal)
    return redirect("diagnosis:scan-detail", pk=analysis.scan.pk)


def _find(request: HttpRequest, pk: uuid.UUID) -> Analysis:
    related = ("study__patient", "study__clinic", "study__representative__series__study", "image__series__study")
    return find(Analysis.objects.select_related(*related), request, pk)
