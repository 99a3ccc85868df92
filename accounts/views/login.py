"""Sign-in and passwords: allauth's views, which count attempts in the shared cache."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import views as allauth
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import BaseForm
from django.forms.utils import ErrorList
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from accounts import devices, forms
from accounts.adapter import TooManyGuesses
from accounts.models import User
from accounts.models.provider_link import signs_in_elsewhere
from accounts.openid import is_on

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]


def counted(view: View) -> View:
    """Close `view` with a 503 page while the cache is away: without it nobody counts guesses at passwords."""

    @wraps(view)
    def closed_without_cache(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except RedisError:
            logger.exception("The cache cannot be reached; sign-in is closed until it can")
            return render(request, "503.html", status=503)

    return closed_without_cache


class SignInView(allauth.LoginView):
    form_class = forms.SignInForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "provider": settings.OIDC_LABEL if is_on() else ""}

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        if self.request.user.is_authenticated:
            devices.remember(self.request, response, self.request.user.email)
        return response

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        for error in form.errors.get(NON_FIELD_ERRORS, ErrorList()).as_data():
            if isinstance(error, TooManyGuesses):
                response.status_code = 429
                response.headers["Retry-After"] = str(error.seconds)
        return response


class NewPasswordView(allauth.PasswordResetFromKeyView):
    form_class = forms.NewPasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        """Whoever reads the person's mail is at a device of theirs: guesses made elsewhere do not slow them here."""
        response: HttpResponse = super().form_valid(form)
        devices.remember(self.request, response, form.user.email)
        return response


class ChangePasswordView(allauth.PasswordChangeView):
    form_class = forms.ChangePasswordForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Whoever has no password yet is mailed a link to set one: allauth's page for that is not among ours."""
        user = request.user
        if isinstance(user, User) and signs_in_elsewhere(user):
            return redirect("accounts:profile")
        if user.is_authenticated and not user.has_usable_password():
            return redirect("account_reset_password")
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer


sign_in = counted(SignInView.as_view())
reauthenticate = counted(allauth.ReauthenticateView.as_view(form_class=forms.ConfirmForm))
change_password = counted(ChangePasswordView.as_view())
reset_password = counted(allauth.PasswordResetView.as_view(form_class=forms.ForgottenPasswordForm))
reset_password_from_key = counted(NewPasswordView.as_view())


@login_not_required
@require_safe
def sign_up_closed(request: HttpRequest) -> HttpResponse:
    return render(request, "account/signup_closed.html")
