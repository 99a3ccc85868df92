"""A new person opens the link of their invitation and chooses a password."""

from __future__ import annotations

from allauth.account.signals import password_set
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import people
from accounts.forms import NewPasswordForm
from accounts.models import Invitation, User
from accounts.models.api_token import digest
from accounts.models.invitation import InvitationQuerySet

LINK = "invitation"  # in the session: the digest of its secret
GONE = 410


@login_not_required
@never_cache
@require_safe
def open_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Take the secret out of the address, where the browser's history and a page's referrer would keep it."""
    # Only what opens something: whoever guesses would else leave a session in the database with each try.
    request.session.pop(LINK, None)
    if Invitation.objects.open(digest(secret)).exists():
        request.session[LINK] = digest(secret)
    return redirect("accounts:invitation")


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    invitation = _open(request).select_related("user").filter(user__is_active=True).first()
    if invitation is None or not people.may_be_opened(invitation.user):
        return _show_gone(request)
    form = NewPasswordForm(request.POST or None, user=invitation.user, temp_key="")
    if not form.is_valid():
        context = {"form": form, "person": invitation.user}
        return render(request, "accounts/invitation.html", context, status=422 if form.is_bound else 200)
    return _accept(request, invitation.user, form)


@transaction.atomic
def _accept(request: HttpRequest, user: User, form: NewPasswordForm) -> HttpResponse:
    """Deleting it is what uses it up: of two at once, one finds it gone."""
    if not _open(request).delete()[0]:
        return _show_gone(request)
    form.save()
    password_set.send(sender=User, request=request, user=user)
    del request.session[LINK]
    messages.success(request, _("Your password is saved. Sign in with it now."))
    return redirect("account_login")


def _open(request: HttpRequest) -> InvitationQuerySet:
    return Invitation.objects.open(str(request.session.get(LINK, "")))


def _show_gone(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/invitation.html", {"is_gone": True}, status=GONE)
