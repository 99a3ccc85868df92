from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.middleware import SESSION_KEY
from accounts.models import Membership, User


@require_POST
def switch_clinic(request: HttpRequest) -> HttpResponse:
    """Work in another of one's clinics, for the rest of this session."""
    assert isinstance(request.user, User)
    membership = _own(request.user, request.POST.get("membership", ""))
    request.session[SESSION_KEY] = membership.pk
    sentence = _("You now work in %(clinic)s as %(role)s.") % {
        "clinic": membership.clinic,
        "role": membership.role_class.name,
    }
    messages.success(request, sentence)
    return redirect("diagnosis:home")


def _own(user: User, key: str) -> Membership:
    # isdecimal() is true of digits of all scripts, and int() reads them all.
    found = user.memberships.active().filter(pk=int(key)).first() if key.isdecimal() else None
    if found is None:
        raise Http404
    return found
