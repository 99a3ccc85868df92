"""Change the date and the request of a study that was uploaded."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from diagnosis.actions.study import amend_study
from diagnosis.errors import Refusal
from diagnosis.forms.study_details import StudyDetailsForm
from diagnosis.models import Study
from diagnosis.rules import study_details
from diagnosis.views.shortcuts import find, person


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    study = find(Study.objects.select_related("patient", "clinic"), request, pk)
    if not study_details.may_amend(study, person(request)):
        raise PermissionDenied(_(study_details.NOT_YOURS))
    form = StudyDetailsForm(request.POST if request.method == "POST" else None, study=study)
    if not form.is_valid():
        return _page(request, study, form, study_details.blocked_reason(study), 422 if form.is_bound else 200)
    try:
        changes = amend_study(by=person(request), study=study, **form.cleaned_data)
    except Refusal as refusal:
        return _page(request, study, form, refusal.sentence, refusal.http_status)
    if changes:
        messages.success(request, _("Saved. What stood there before is kept in the study’s history."))
    return redirect("diagnosis:study-detail", pk=study.pk)


def _page(request: HttpRequest, study: Study, form: StudyDetailsForm, blocked: str, status: int) -> HttpResponse:
    context = {"study": study, "patient": study.patient, "form": form, "blocked": blocked}
    return render(request, "diagnosis/scan/details.html", context, status=status)
