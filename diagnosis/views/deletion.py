"""Have a study deleted for good: one person asks, another one confirms after seeing what goes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from diagnosis.actions.deletion import confirm_deletion, drop_deletion, request_deletion
from diagnosis.errors import Refusal
from diagnosis.forms.deletion import ReasonForm
from diagnosis.models import Deletion, Report, Scan, Study
from diagnosis.models.deletion import DeletionKind
from diagnosis.rules import deletions
from diagnosis.views.shortcuts import find, person, rights


@never_cache
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What would go, who asked for it and why; POST asks for it."""
    study = _study(request, pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, study, form)
    try:
        request_deletion(by=person(request), study=study, **form.cleaned_data)
    except Refusal as refusal:
        return _page(request, study, form, refusal=refusal)
    messages.success(request, _("Asked for. Another person who administers the clinic must confirm it."))
    return redirect("diagnosis:study-delete", pk=study.pk)


@require_POST
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    seen = request.POST.get("seen", "")
    return _settle(request, pk, lambda made: confirm_deletion(by=person(request), deletion=made, seen=seen))


@require_POST
def drop(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _settle(request, pk, lambda made: drop_deletion(by=person(request), deletion=made))


def _settle(request: HttpRequest, pk: uuid.UUID, act: Callable[[Deletion], None]) -> HttpResponse:
    made = find(Deletion.objects.select_related("study__patient", "study__clinic"), request, pk)
    try:
        act(made)
    except Refusal as refusal:
        return _page(request, made.study, ReasonForm(), refusal=refusal)
    if deletions.is_deleted(made.study_id):
        messages.success(request, _("The study was deleted."))
    else:
        messages.success(request, _("The request was withdrawn. Nothing was deleted."))
    return redirect("diagnosis:patient-detail", pk=made.study.patient_id)


def _study(request: HttpRequest, pk: uuid.UUID) -> Study:
    """Also one that was taken back, which only administrators find."""
    study = find(Study.with_withdrawn.select_related("patient", "clinic"), request, pk)
    deletions.require_there(Study, pk, Deletion.objects.visible_to(person(request)))
    deletions.require_requester(study, person(request))
    return study


def _page(request: HttpRequest, study: Study, form: ReasonForm, *, refusal: Refusal | None = None) -> HttpResponse:
    made = Deletion.objects.waiting().filter(study=study).select_related("requested_by").first()
    kind = made.kind if made else DeletionKind.MISTAKE
    context = {
        "study": study,
        "patient": study.patient,
        "may": rights(request, study.clinic),
        "form": form,
        "made": made,
        "is_own": made is not None and made.requested_by_id == request.user.pk,
        "blocked": refusal.sentence if refusal else _translated(deletions.blocked_reason(study, kind)),
        "seen": deletions.contents(study),
        **_goes(study),
    }
    status = refusal.http_status if refusal else (422 if form.errors else 200)
    return render(request, "diagnosis/study/delete.html", context, status=status)


def _translated(sentence: str) -> str:
    return _(sentence) if sentence else ""


def _goes(study: Study) -> dict[str, Any]:
    images = list(deletions.images(study))
    return {
        "images": images,
        "bytes": sum(image.byte_size for image in images),
        "taken_back": len(images) - Scan.objects.filter(series__study=study).count(),
        "reports": Report.objects.filter(study=study).count(),
        "analyses": study.analyses.count(),
    }
