"""Ending one's own sessions elsewhere."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.models import OpenSession, User
from accounts.models.open_session import OpenSessionQuerySet
from accounts.sessions import current_digest
from audit.notes import note_detail, note_object


@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    session = get_object_or_404(_others(request), pk=pk)
    note_object("accounts.opensession", pk)
    _others(request).filter(pk=session.pk).end()
    messages.success(request, _("The session is ended."))
    return redirect("accounts:profile")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    ended = _others(request).end()
    note_object("accounts.opensession", "others")
    note_detail(ended_sessions=str(ended))
    sentence = ngettext("%(count)d session ended.", "%(count)d sessions ended.", ended) % {"count": ended}
    messages.success(request, sentence)
    return redirect("accounts:profile")


def _others(request: HttpRequest) -> OpenSessionQuerySet:
    """One ends this session by signing out."""
    assert isinstance(request.user, User)
    return OpenSession.objects.of(request.user).exclude(digest=current_digest(request))
