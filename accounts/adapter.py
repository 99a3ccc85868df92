"""How sign-in behaves here: accounts are made by administrators, never by visitors."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import guesses
from accounts.locale import clinic_of, in_locale_of
from accounts.middleware import current_membership
from accounts.models.provider_link import ProviderLink, signs_in_elsewhere
from accounts.openid import is_on
from accounts.permissions import Permission

if TYPE_CHECKING:
    from accounts.models import User

REAUTHENTICATION = {
    "reauthenticate": _("Use your password"),
    "mfa_reauthenticate": _("Use a code of your authenticator app"),
    "mfa_reauthenticate:webauthn": _("Use a passkey"),
}
logger = logging.getLogger(__name__)


class TooManyGuesses(ValidationError):
    """Another attempt is looked at in `seconds`."""

    def __init__(self, sentence: Any, *, seconds: int) -> None:
        super().__init__(sentence, code="too_many_login_attempts", params={"seconds": seconds})
        self.seconds = seconds


class StaffAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("This e-mail address and password do not match. Check both and try again."),
        "incorrect_password": _("This is not your password. Check it and try again."),
        "enter_current_password": _("This is not your current password. Check it and try again."),
        "too_many_login_attempts": _(
            "Too many wrong passwords were typed from here. Wait %(seconds)s seconds and try again, or reset your"
            " password."
        ),
    }

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In the language of the account, or of the browser where there is none.

        A mail server that is away neither breaks the page nor tells which addresses have accounts.
        """
        user: User | None = context.get("user")
        if template_prefix == "account/email/password_reset_key" and user and signs_in_elsewhere(user):
            template_prefix = "account/email/provider_instead"
        try:
            with in_locale_of(user, clinic=clinic_of(user)) if user else nullcontext():
                super().send_mail(template_prefix, email, context)
        except OSError:  # smtplib's errors are OSErrors too
            logger.exception("A mail about an account (%s) could not be sent", template_prefix)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """In the place of allauth's limits, with which anybody could close sign-in for a name or an address."""
        self._counts = guesses.counts(request, str(credentials.get("email", "")))
        if seconds := guesses.wait(self._counts):
            raise TooManyGuesses(self.error_messages["too_many_login_attempts"], seconds=seconds)
        guesses.add_failure(self._counts)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        user = super().authenticate(request, **credentials)
        if user:
            guesses.take_back(self._counts)
        return user

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """A password was set by a mailed link: that is the second way in while somebody else guesses."""
        guesses.forget(guesses.counts(request, str(credentials.get("email", ""))))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """With our words on the links that lead to the other ways, and the provider of single sign-on as the last."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        ways = [{**method, "description": REAUTHENTICATION[method["id"]]} for method in methods]
        if is_on() and user.is_authenticated and ProviderLink.objects.of(user).exists():
            description = _("Confirm at %(provider)s") % {"provider": settings.OIDC_LABEL}
            ways.append({"id": "provider", "description": description, "url": reverse("account_provider_confirm")})
        return ways

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Who reads images in the clinic they work in finds the reading queue, everybody else the desk."""
        current = current_membership(request)
        if current and Permission.REVIEW_SCAN in current.permissions:
            return reverse("diagnosis:queue")
        return str(super().get_login_redirect_url(request))

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
