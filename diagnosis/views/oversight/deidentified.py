"""Studies without names, as a file: chosen, looked through for text in the pictures, and exported with a reason."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.models import Clinic
from accounts.permissions import Permission, require
from accounts.step_up import has_confirmed, other_ways
from audit.notes import note_detail, note_event
from audit.vocabulary import Action, Event
from diagnosis.audited import note_rows
from diagnosis.errors import Refusal
from diagnosis.exports import choice
from diagnosis.exports.deidentified import export_deidentified
from diagnosis.forms.deidentified import DeidentifiedForm
from diagnosis.models import Study
from diagnosis.states import ReportStatus
from diagnosis.views.export import is_proven
from diagnosis.views.oversight.scope import scope_of, show
from diagnosis.views.shortcuts import in_clinic, person
from diagnosis.views.signing import proof_of, proven

A_PAGE = 100
TAB = "oversight-deidentified"


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponseBase:
    """GET: choose. POST: look through the choice, or with `purpose` export it."""
    require(person(request), Permission.EXPORT_DEIDENTIFIED, clinic)
    if request.method != "POST":
        return _choose(request, clinic)
    try:
        studies = choice.chosen(person(request), clinic, _keys(request, "study"))
        note_rows(Study, studies)
        return _export(request, studies) if "purpose" in request.POST else _look(request, studies)
    except Refusal as refusal:
        return _choose(request, clinic, refusal.sentence, status=refusal.http_status)


def _choose(request: HttpRequest, clinic: Clinic, refused: str = "", *, status: int = 200) -> HttpResponse:
    found = Study.objects.visible_to(person(request)).in_clinic(clinic)
    if asked := request.GET.get("patient"):
        found = found.filter(patient__in=_parsed([asked]))
    if request.GET.get("signed"):
        found = found.filter(reports__status=ReportStatus.FINAL).distinct()
    rows = list(found.select_related("patient").order_by("-received_at", "pk")[: A_PAGE + 1])
    note_rows(Study, rows[:A_PAGE])
    context = {
        "rows": rows[:A_PAGE],
        "held": choice.held(),
        "more": len(rows) > A_PAGE,
        "refused": refused,
        "most": choice.MOST_IMAGES,
    }
    return _page(request, "deidentified", context, status=status)


def _look(request: HttpRequest, studies: list[Study]) -> HttpResponse:
    form = DeidentifiedForm(is_proven=is_proven(request))
    return _check(request, studies, form, status=200)


def _check(request: HttpRequest, studies: list[Study], form: DeidentifiedForm, *, status: int) -> HttpResponse:
    context = {
        "studies": studies,
        "looked": choice.look(studies),
        "form": form,
        "proven": proven(request),
        "confirmed": has_confirmed(request),
        "other_ways": other_ways(request),
        "ticked": {str(key) for key in _keys(request, "image")},
    }
    return _page(request, "deidentified_check", context, status=status)


def _export(request: HttpRequest, studies: list[Study]) -> HttpResponseBase:
    form = DeidentifiedForm(request.POST, is_proven=is_proven(request))
    if not form.is_valid():
        return _check(request, studies, form, status=422)
    try:
        if not has_confirmed(request):
            proof_of(request, form.cleaned_data["password"])
    except Refusal as refusal:
        form.add_error("password", refusal.sentence)
        return _check(request, studies, form, status=refusal.http_status)
    return _file(request, studies, form.cleaned_data["purpose"], form.cleaned_data["reason"])


def _file(request: HttpRequest, studies: list[Study], purpose: str, reason: str) -> FileResponse:
    note_event(Event.EXPORT, Action.READ)
    note_detail(exported="images without names", purpose=purpose, reason=reason, studies=str(len(studies)))
    allowed = _keys(request, "image")
    file = export_deidentified(studies, by=person(request), purpose=purpose, allowed=allowed)
    return FileResponse(
        file,
        as_attachment=True,
        filename=f"{purpose}.zip",
        content_type="application/zip",
        headers={"Cache-Control": "private, no-store"},
    )


def _page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int) -> HttpResponse:
    heading = _("Export without names")
    return show(request, scope_of(request), template, heading, context, tab=TAB, status=status)


def _keys(request: HttpRequest, name: str) -> list[uuid.UUID]:
    return _parsed(request.POST.getlist(name))


def _parsed(texts: list[str]) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text) for text in texts]
    except ValueError as error:
        raise Http404("no such row") from error
