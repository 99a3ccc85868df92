"""What waits to be deleted, and what remains of what was."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import Permission, allowed
from diagnosis.actions.deletion import confirm_deletion
from diagnosis.audited import note_rows
from diagnosis.errors import Refusal
from diagnosis.models import Deletion
from diagnosis.models.deletion import DeletionKind, DeletionQuerySet
from diagnosis.rules import deletions
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.shortcuts import find, person

A_PAGE = 25
KEY = 32  # hexadecimal digits


@require_safe
@overseen
def index(request: HttpRequest, scope: Scope) -> HttpResponse:
    waiting = list(_deletions(scope).waiting().order_by("requested_at"))
    done = _deletions(scope).exclude(confirmed_at=None, dropped_at=None).order_by("-requested_at")
    page = Paginator(done, A_PAGE).get_page(request.GET.get("page"))
    rows = [(made, deletions.images(made.study)) for made in page]
    note_rows(Deletion, [*waiting, *page])
    lines = [_line(request, made) for made in waiting]
    context = {"waiting": lines, "ticks": any(tick for *_made, tick in lines), "page": page, "rows": rows}
    return show(request, scope, "deletions", _("Deletion"), context)


@require_POST
@overseen
def confirm(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Several at once, of those that are past their retention period; each by the same rules as one alone."""
    done, refused = 0, ""
    for pk, seen in _chosen(request):
        made = find(_deletions(scope).filter(kind=DeletionKind.RETENTION), request, pk)
        try:
            confirm_deletion(by=person(request), deletion=made, seen=seen)
            done += 1
        except Refusal as refusal:
            refused = refusal.sentence
    told = ngettext("%(count)d study was deleted.", "%(count)d studies were deleted.", done) % {"count": done}
    messages.success(request, told)
    if refused:
        messages.warning(request, refused)
    return redirect("diagnosis:oversight-deletions")


def _chosen(request: HttpRequest) -> list[tuple[uuid.UUID, str]]:
    """Keys of deletions, and what the person saw of each."""
    try:
        return [(uuid.UUID(one[:KEY]), one[KEY:].lstrip(":")) for one in request.POST.getlist("deletion")]
    except ValueError as error:
        raise Http404("no such deletion") from error


def _line(request: HttpRequest, made: Deletion) -> tuple[Deletion, int, str]:
    """A request, how many images would go, and what a tick confirms; empty where the person may not by a tick."""
    is_others = made.requested_by_id != person(request).pk
    may = is_others and allowed(person(request), Permission.MANAGE_CLINIC, made.study.clinic)
    ticks = may and made.kind == DeletionKind.RETENTION
    count = deletions.images(made.study).count()
    return made, count, f"{made.pk.hex}:{deletions.contents(made.study)}" if ticks else ""


def _deletions(scope: Scope) -> DeletionQuerySet:
    """Only of clinics whose patients the person may see."""
    related = ("study__patient", "study__clinic", "requested_by", "confirmed_by", "dropped_by")
    found = Deletion.objects.filter(study__clinic__in=scope.named.intersection(scope.keys))
    return found.without_hidden(scope.user).select_related(*related)
