"""Phrases for reports: one's own, and the clinic's."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Clinic
from accounts.permissions import REFUSALS, Permission, require
from diagnosis.actions.phrase import add_phrase, change_phrase, remove_phrase
from diagnosis.errors import NotAllowedNow
from diagnosis.forms.phrase import PhraseForm
from diagnosis.models import Phrase
from diagnosis.rules.phrases import needed_for
from diagnosis.views.shortcuts import find, in_clinic, person, rights

LIST = "diagnosis:phrases"


@never_cache
@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    may = rights(request, clinic)
    if not (may["review_scan"] or may["manage_clinic"]):
        raise PermissionDenied(REFUSALS[Permission.REVIEW_SCAN] % {"clinic": clinic})
    own, shared = Phrase.objects.of(person(request), clinic), Phrase.objects.shared(clinic)
    context = {"own": own, "shared": shared, "may": may, "clinic": clinic}
    return render(request, "diagnosis/review/phrases.html", context)


@require_http_methods(["GET", "POST"])
@in_clinic
def add(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """A new one; `?shared=1` makes it the clinic's."""
    is_shared = request.GET.get("shared") == "1"
    require(person(request), needed_for(is_shared=is_shared), clinic)
    form = PhraseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        add_phrase(by=person(request), clinic=clinic, is_shared=is_shared, **form.cleaned_data)
        messages.success(request, _("The phrase has been saved."))
        return redirect(LIST)
    return _form(request, form, is_shared=is_shared)


@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    phrase = _find(request, pk)
    form = PhraseForm(request.POST or None, instance=phrase)
    if request.method == "POST" and form.is_valid():
        try:
            change_phrase(by=person(request), phrase=phrase, **form.cleaned_data)
        except NotAllowedNow as refusal:
            messages.error(request, refusal.sentence)
        else:
            messages.success(request, _("The phrase has been saved."))
        return redirect(LIST)
    return _form(request, form, is_shared=phrase.owner_id is None, phrase=phrase)


@require_POST
def remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    remove_phrase(by=person(request), phrase=_find(request, pk))
    messages.success(request, _("The phrase has been removed. Reports keep its words."))
    return redirect(LIST)


def _find(request: HttpRequest, pk: uuid.UUID) -> Phrase:
    """One that the person keeps; another person's is not there."""
    keeps = Phrase.objects.filter(owner=None) | Phrase.objects.filter(owner=person(request))
    phrase = find(keeps.select_related("clinic"), request, pk)
    require(person(request), needed_for(is_shared=phrase.owner_id is None), phrase.clinic)
    return phrase


def _form(request: HttpRequest, form: PhraseForm, *, is_shared: bool, phrase: Phrase | None = None) -> HttpResponse:
    context = {"form": form, "is_shared": is_shared, "phrase": phrase}
    return render(request, "diagnosis/review/phrase.html", context, status=422 if form.errors else 200)
