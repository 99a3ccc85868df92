from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import TokenForm
from accounts.models import ApiToken, User
from accounts.step_up import confirm_first
from accounts.views.profile import show_profile


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def issue_token(request: HttpRequest) -> HttpResponse:
    """Make a token. Its secret stands on this one answer and is kept nowhere, so there is no redirect.

    Whoever reloads that answer, or the password page before it, arrives by GET and is brought back to the account.
    """
    return _issue(request) if request.method == "POST" else redirect("accounts:profile")


@confirm_first
def _issue(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    form = TokenForm(request.POST, user=request.user)
    if not form.is_valid():
        return show_profile(request, token_form=form, status=422)
    token, secret = ApiToken.objects.issue(**form.cleaned_data)
    return render(request, "account/token_issued.html", {"token": token, "secret": secret})


@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    tokens = ApiToken.objects.visible_to(request.user).filter(pk=pk)
    token = get_object_or_404(tokens)
    tokens.revoke()
    messages.success(request, _("“%(name)s” is revoked and no longer gives access.") % {"name": token.name})
    return redirect("accounts:profile")
