from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.models import Clinic
from accounts.permissions import Permission, require
from diagnosis.actions.reading_policy import change_policy
from diagnosis.forms.reading_settings import PolicyForm
from diagnosis.models import ReadingPolicy
from diagnosis.oversight import history
from diagnosis.views.shortcuts import in_clinic, person

MONTHS = 12


@require_http_methods(["GET", "POST"])
@in_clinic
def edit(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """How the clinic reads: weights of the queue, reading first, double reading."""
    require(person(request), Permission.MANAGE_CLINIC, clinic)
    form = PolicyForm(request.POST or None, instance=ReadingPolicy.of(clinic))
    if request.method == "POST" and form.is_valid():
        moved = change_policy(by=person(request), policy=form.instance)
        message = ngettext("Saved. %(n)d open case was reordered.", "Saved. %(n)d open cases were reordered.", moved)
        messages.success(request, message % {"n": moved})
        return redirect("diagnosis:reading-policy")
    context = {
        "clinic": clinic,
        "form": form,
        "category_changes": history.total(history.monthly([clinic.pk], history.since(MONTHS))).changes,
    }
    return render(request, "diagnosis/review/policy.html", context, status=422 if form.errors else 200)
