"""A person's own filters of the queue: saved under a name, and deleted. They are chosen by their address."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import Clinic
from accounts.permissions import Permission, require
from diagnosis.actions.saved_filter import delete_filter, save_filter
from diagnosis.errors import Refusal
from diagnosis.models import SavedFilter
from diagnosis.views.review.addresses import queue_url
from diagnosis.views.review.queue import filter_of
from diagnosis.views.shortcuts import in_clinic, person

NAME_AT_MOST = 40


@require_POST
@in_clinic
def save(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    by = person(request)
    require(by, Permission.VIEW_RESULT, clinic)
    name = request.POST.get("name", "")[:NAME_AT_MOST]
    try:
        # As the form understands them: what does not fit is not kept either.
        made = save_filter(by=by, name=name, chosen=filter_of(request, clinic, request.POST).chosen)
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, _("Saved as “%(name)s”.") % {"name": made.name})
    return redirect(queue_url(request))


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    saved = get_object_or_404(SavedFilter, pk=pk, user=person(request))
    delete_filter(by=person(request), saved=saved)
    messages.success(request, _("“%(name)s” was deleted.") % {"name": saved.name})
    return redirect(queue_url(request))
