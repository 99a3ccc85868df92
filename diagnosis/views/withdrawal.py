"""Take back an upload of one's own while nobody has read it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from diagnosis.actions.withdrawal import take_back
from diagnosis.errors import Refusal
from diagnosis.forms.withdrawal import TakeBackForm
from diagnosis.models import Study, Withdrawal
from diagnosis.rules import withdrawals
from diagnosis.views.shortcuts import find, person


@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Which images, and why; then do it."""
    study = find(Study.objects.select_related("patient", "clinic"), request, pk)
    images = list(withdrawals.images_to_take(study, person(request)).select_related("series").order_by("uploaded_at"))
    if not images:
        raise PermissionDenied(_(withdrawals.NOT_YOURS))
    form = TakeBackForm(request.POST if request.method == "POST" else None, images=images)
    if not form.is_valid():
        return _page(request, study, form, {"blocked": withdrawals.blocked_reason(study)})
    try:
        made = take_back(by=person(request), study=study, **form.cleaned_data)
    except Refusal as refusal:
        return _page(request, study, form, {"blocked": refusal.sentence}, status=refusal.http_status)
    messages.success(request, _done(made))
    return _leave(study)


def _page(
    request: HttpRequest, study: Study, form: TakeBackForm, context: dict[str, Any], *, status: int | None = None
) -> HttpResponse:
    shown = {**context, "study": study, "patient": study.patient, "form": form}
    return render(request, "diagnosis/scan/take_back.html", shown, status=status or (422 if form.is_bound else 200))


def _done(made: Withdrawal) -> str:
    count = len(made.scans)
    return ngettext(
        "%(count)d image was taken back. The clinic’s administrator can restore it.",
        "%(count)d images were taken back. The clinic’s administrator can restore them.",
        count,
    ) % {"count": count}


def _leave(study: Study) -> HttpResponse:
    if Study.objects.filter(pk=study.pk).exists():
        return redirect("diagnosis:study-detail", pk=study.pk)
    return redirect("diagnosis:patient-detail", pk=study.patient_id)
