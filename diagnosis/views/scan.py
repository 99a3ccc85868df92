from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Clinic
from accounts.permissions import Permission, require
from diagnosis import keyset
from diagnosis.errors import Refusal
from diagnosis.forms.scan_filter import ScanFilter
from diagnosis.models import Analysis, Patient, Scan, Study
from diagnosis.views import scan_context, scan_list
from diagnosis.views.shortcuts import find, in_clinic, person, rights, show

NEWEST_FIRST = ("-uploaded_at", "-id")
SCANS_A_PAGE = 20
FOLLOWED_AT_ONCE = 100


@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """The clinic's studies. `?patient=KEY` leads to that patient's; anything that is no key of one is refused.

    Were it ignored, a link that lost its key would answer with everybody.
    """
    if "patient" in request.GET:
        return redirect("diagnosis:patient-detail", pk=_patient(request).pk)
    listed = scan_list.listed(person(request), clinic)
    chosen, mark = ScanFilter(request.GET, queryset=listed), request.GET.get("cursor", "")
    narrowed = any(request.GET.get(name) for name in chosen.filters)
    page = keyset.page_or_first(
        chosen.qs, order=NEWEST_FIRST, size=SCANS_A_PAGE, mark=mark, among=listed, keys_first=narrowed
    )
    context = {
        "clinic": clinic,
        "may": rights(request, clinic),
        "page": page,
        "rows": scan_list.with_headlines(page, person(request)),
        "form": chosen.form,
        "narrowed": narrowed,
    }
    return show(request, "diagnosis/scan/list.html", "diagnosis/scan/_found_scans.html", context)


def _patient(request: HttpRequest) -> Patient:
    key = next(iter(_keys([request.GET["patient"]])), None)
    if key is None:
        raise Http404("no such patient")
    return find(Patient.objects.all(), request, key)


@require_safe
def detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page of the image's study, with this image. Addresses of images are older than studies, and stay."""
    return page(request, _find(request, pk), asked=True)


@never_cache
@require_safe
def result(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The changing part of that page, for the script that follows its analysis."""
    return page(request, _find(request, pk), asked=True, fragment=True)


@require_safe
def study(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The study's page, with the image that its attention maps are of; `?image=KEY`: with that one.

    One whose images were all moved to another study leads there.
    """
    found = find(Study.objects.select_related("emptied_of__series"), request, pk)
    if found.emptied_of:
        return redirect("diagnosis:study-detail", pk=found.emptied_of.study_id)
    scan, asked = _of_study(request, found)
    return page(request, scan, asked=asked)


@never_cache
@require_safe
def study_result(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The changing part of that page, for the script that follows its analysis."""
    scan, asked = _of_study(request, find(Study.objects.all(), request, pk))
    return page(request, scan, asked=asked, fragment=True)


def _of_study(request: HttpRequest, found: Study) -> tuple[Scan, bool]:
    """The image asked for, else the one that stands for the study; and whether it was asked for."""
    image = next(iter(_keys([request.GET.get("image", "")])), None)
    scan = _find(request, image or found.representative_id or uuid.UUID(int=0))
    if scan.study_id != found.pk:
        raise Http404("no such image in this study")
    return scan, image is not None


@never_cache
@require_safe
def progress(request: HttpRequest) -> JsonResponse:
    """How far the scans named by `id` are: for lists that follow their open analyses, in one request for all."""
    scans = Scan.objects.visible_to(person(request)).filter(pk__in=_keys(request.GET.getlist("id")))
    rows = scan_list.with_headlines(scan_list.for_lists(scans), person(request))
    return JsonResponse({"scans": [_progress(row) for row in rows]})


def _keys(texts: list[str]) -> list[uuid.UUID]:
    """Those of the texts that are keys; anything else names no scan."""
    found = []
    for text in texts[:FOLLOWED_AT_ONCE]:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found


def _progress(row: scan_list.Row) -> dict[str, Any]:
    return {
        "id": str(row.scan.pk),
        "status": row.analysis.status if row.analysis else None,
        "finished": not row.following,
        "sentence": row.headline.sentence,
        "url": reverse("diagnosis:study-detail", args=[row.scan.study_id]),
        "html": render_to_string("diagnosis/scan/_verdict.html", {"row": row}),
    }


def _find(request: HttpRequest, pk: uuid.UUID) -> Scan:
    scan = find(Scan.objects.select_related("patient", "clinic", "uploaded_by", "series__study"), request, pk)
    require(person(request), Permission.VIEW_RESULT, scan.clinic)
    return scan


def page(
    request: HttpRequest,
    scan: Scan,
    *,
    asked: bool = False,
    analysis: Analysis | None = None,
    refusal: Refusal | None = None,
    fragment: bool = False,
) -> HttpResponse:
    """A study's page with its latest analysis or an earlier one, and a refusal's sentence and status if there is one.

    `asked`: it shows `scan`, and not the image that the attention maps are of.
    """
    context = scan_context.context(request, scan, analysis, asked=asked)
    context |= {"may": rights(request, scan.clinic), "refusal": refusal}
    if not fragment:
        context |= scan_context.review_status(person(request), scan)
    part = "diagnosis/scan/_result.html"
    status = refusal.http_status if refusal else 200
    return show(request, part if fragment else "diagnosis/scan/detail.html", part, context, status=status)
