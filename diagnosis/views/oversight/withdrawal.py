"""Bring back what an uploader took back."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from diagnosis.actions.withdrawal import bring_back
from diagnosis.errors import Refusal
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.shortcuts import noted, person

TAB = "oversight-corrections"


@require_POST
@overseen
def restore(request: HttpRequest, scope: Scope, pk: uuid.UUID) -> HttpResponse:
    made = noted(get_object_or_404(scope.withdrawals().select_related("clinic", "study"), pk=pk))
    try:
        study = bring_back(by=person(request), withdrawal=made)
    except Refusal as refusal:
        context = {"refusal": refusal}
        return show(request, scope, "refused", _("Not restored"), context, tab=TAB, status=refusal.http_status)
    messages.success(request, _("Restored. The study is analysed again and waits to be read."))
    return redirect("diagnosis:study-detail", pk=study.pk)
