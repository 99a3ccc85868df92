from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from diagnosis.forms.reading_settings import PreferenceForm
from diagnosis.models import ReadingPreference
from diagnosis.views.shortcuts import membership, person, rights


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest) -> HttpResponse:
    """One's own choices of how to read and how to be told."""
    form = PreferenceForm(request.POST or None, instance=ReadingPreference.of(person(request)))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your preferences have been saved."))
        return redirect("diagnosis:reading-preference")
    current = membership(request)
    context = {"form": form, "may": rights(request, current.clinic) if current else {}}
    return render(request, "diagnosis/review/preference.html", context, status=422 if form.errors else 200)
