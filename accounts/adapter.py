"""How sign-in behaves here: accounts are made by administrators, never by visitors."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.locale import clinic_of, in_locale_of

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)


class StaffAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("This e-mail address and password do not match. Check both and try again."),
        "incorrect_password": _("This is not your password. Check it and try again."),
        "enter_current_password": _("This is not your current password. Check it and try again."),
        "too_many_login_attempts": _("Too many failed sign-ins. Wait five minutes, or reset your password."),
    }

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In the language of the account, or of the browser where there is none.

        A mail server that is away neither breaks the page nor tells which addresses have accounts.
        """
        user: User | None = context.get("user")
        try:
            with in_locale_of(user, clinic=clinic_of(user)) if user else nullcontext():
                super().send_mail(template_prefix, email, context)
        except OSError:  # smtplib's errors are OSErrors too
            logger.exception("A mail about an account (%s) could not be sent", template_prefix)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
