"""One person of a clinic, for its administrators: role, link, sessions, and whether they work here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts import letters, people, second_factor
from accounts.forms import RoleForm
from accounts.models import Membership, OpenSession, User
from accounts.permissions import Permission, allowed
from accounts.roles import ROLES
from accounts.step_up import step_up
from accounts.views.people import managed, members, show_link, state_of
from audit.notes import note_object

Change = Callable[[HttpRequest, User, Membership], HttpResponse]


@require_safe
def show_person(request: HttpRequest, pk: int) -> HttpResponse:
    user, membership = _find(request, pk)
    return _show(request, user, membership)


def _change(change: Change) -> Callable[[HttpRequest, int], HttpResponse]:
    """A view around `change`: what it refuses is said on the person's page."""

    @require_POST
    @step_up
    @wraps(change)
    def changed(request: HttpRequest, pk: int) -> HttpResponse:
        user, membership = _find(request, pk)
        note_object("accounts.membership", pk)
        try:
            return change(request, user, membership)
        except ValidationError as refusal:
            membership.refresh_from_db(fields=["role", "is_active"])
            return _show(request, user, membership, refusal=refusal.messages[0], status=409)

    return changed


@_change
def change_role(request: HttpRequest, user: User, membership: Membership) -> HttpResponse:
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _show(request, user, membership, form=form, status=422)
    people.change_role(by=user, membership=membership, role=form.cleaned_data["role"])
    sentence = _("%(name)s works in %(clinic)s as %(role)s from now on.")
    return _done(request, user, membership, sentence % _names(membership))


@_change
def deactivate(request: HttpRequest, user: User, membership: Membership) -> HttpResponse:
    people.deactivate(by=user, membership=membership)
    return _done(request, user, membership, _("%(name)s no longer works in %(clinic)s.") % _names(membership))


@_change
def restore(request: HttpRequest, user: User, membership: Membership) -> HttpResponse:
    people.restore(by=user, membership=membership)
    return _done(request, user, membership, _("%(name)s works in %(clinic)s again, as %(role)s.") % _names(membership))


@_change
def renew_link(request: HttpRequest, user: User, membership: Membership) -> HttpResponse:
    return show_link(request, people.renew_link(by=user, membership=membership))


@_change
def send_reset_link(request: HttpRequest, user: User, membership: Membership) -> HttpResponse:
    people.require_may_send_link(by=user, membership=membership)
    if not letters.send_reset_link(request, membership.user):
        raise ValidationError(_("The mail could not be sent. Ask the site’s administration about the mail server."))
    sentence = _("A link to choose another password was mailed to %(email)s.")
    return _done(request, user, membership, sentence % {"email": membership.user.email})


@_change
def end_sessions(request: HttpRequest, user: User, membership: Membership) -> HttpResponse:
    ended = people.end_sessions(by=user, membership=membership)
    sentence = ngettext("%(count)d session ended.", "%(count)d sessions ended.", ended) % {"count": ended}
    return _done(request, user, membership, sentence)


@_change
def reset_second_factor(request: HttpRequest, user: User, membership: Membership) -> HttpResponse:
    people.reset_second_factor(by=user, membership=membership)
    sentence = _("The second factor of %(name)s is removed, and they are signed out everywhere.")
    return _done(request, user, membership, sentence % _names(membership))


def _find(request: HttpRequest, pk: int) -> tuple[User, Membership]:
    user, clinic = managed(request)
    return user, get_object_or_404(members(clinic), pk=pk)


def _names(membership: Membership) -> dict[str, object]:
    return {"name": membership.user, "clinic": membership.clinic, "role": membership.role_class.name}


def _done(request: HttpRequest, user: User, membership: Membership, sentence: str) -> HttpResponse:
    """Whoever gave up the clinic's administration themself no longer sees the page."""
    messages.success(request, sentence)
    if not allowed(user, Permission.MANAGE_STAFF, membership.clinic):
        return redirect("diagnosis:home")
    return redirect("accounts:person", membership.pk)


def _show(
    request: HttpRequest,
    user: User,
    membership: Membership,
    *,
    form: RoleForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "member": membership,
        "state": state_of(membership),
        "form": form or RoleForm(initial={"role": membership.role}),
        "refusal": refusal,
        "roles": list(ROLES.values()),
        "may_change": user.is_superuser or not membership.user.is_superuser,
        "is_self": user.pk == membership.user_id,
        "may_hold_link": people.may_hold_link(membership),
        "factor_since": second_factor.summary([membership.user]).get(membership.user_id),
        "sessions": OpenSession.objects.of(membership.user).live().count(),
    }
    return render(request, "accounts/person.html", context, status=status)
