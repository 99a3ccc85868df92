"""The people of a clinic, for its administrators."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import letters, people, second_factor
from accounts.forms import InviteForm
from accounts.models import Clinic, Membership, User
from accounts.models.invitation import LASTS
from accounts.permissions import Permission, require
from accounts.roles import ROLES
from accounts.step_up import step_up

PAGE = 50
TONES = {
    people.Standing.ACTIVE: "success",
    people.Standing.INVITED: "info",
    people.Standing.DEACTIVATED: "cancelled",
    people.Standing.ACCOUNT_CLOSED: "cancelled",
}


class State(NamedTuple):
    label: str
    tone: str


class Shown(NamedTuple):
    membership: Membership
    state: State
    has_second_factor: bool


def managed(request: HttpRequest) -> tuple[User, Clinic]:
    """The administrator and the clinic whose people they manage; PermissionDenied for everybody else."""
    user = cast(User, request.user)
    current: Membership | None = request.membership  # type: ignore[attr-defined]
    if not current:
        raise PermissionDenied(_("You are not a member of a clinic yet."))
    require(user, Permission.MANAGE_STAFF, current.clinic)
    return user, current.clinic


def members(clinic: Clinic) -> QuerySet[Membership]:
    """Those who work there first, each by name."""
    rows = Membership.objects.filter(clinic=clinic).select_related("user", "clinic")
    return rows.order_by("-is_active", "-user__is_active", Lower("user__full_name"), "pk")


def state_of(membership: Membership) -> State:
    standing = people.standing_of(membership)
    return State(str(standing.label), TONES[standing])


@require_safe
def show_people(request: HttpRequest) -> HttpResponse:
    _user, clinic = managed(request)
    page = Paginator(members(clinic), PAGE).get_page(request.GET.get("page"))
    factors = second_factor.summary(membership.user for membership in page)
    shown = [Shown(membership, state_of(membership), membership.user_id in factors) for membership in page]
    return render(request, "accounts/people.html", {"clinic": clinic, "page": page, "people": shown})


@require_http_methods(["GET", "HEAD", "POST"])
@step_up
def invite(request: HttpRequest) -> HttpResponse:
    user, clinic = managed(request)
    form = InviteForm(request.POST or None)
    if not form.is_valid():
        return _show_form(request, clinic, form, status=422 if form.is_bound else 200)
    try:
        invited = people.invite(by=user, clinic=clinic, **form.cleaned_data)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return _show_form(request, clinic, form, status=409)
    if invited.secret:
        return show_link(request, invited)
    sentence = _("%(name)s now works in %(clinic)s, with the account that there was already.")
    messages.success(request, sentence % {"name": invited.membership.user, "clinic": clinic})
    return redirect("accounts:person", invited.membership.pk)


def show_link(request: HttpRequest, invited: people.Invited) -> HttpResponse:
    """The link stands on this one answer and in the mail, and is kept nowhere, so there is no redirect."""
    link = request.build_absolute_uri(reverse("accounts:invitation_link", args=[invited.secret]))
    user = invited.membership.user
    told = {"link": link, "clinic": invited.membership.clinic, "days": LASTS.days}
    is_mailed = letters.write_to(user, "invitation", **told)
    context: dict[str, Any] = {**told, "member": invited.membership, "is_mailed": is_mailed}
    return render(request, "accounts/invited.html", context)


def _show_form(request: HttpRequest, clinic: Clinic, form: InviteForm, *, status: int) -> HttpResponse:
    return render(
        request, "accounts/invite.html", {"clinic": clinic, "form": form, "roles": list(ROLES.values())}, status=status
    )
