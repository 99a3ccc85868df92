"""Mails to people about what changed on their account, in their language."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.core.mail import send_mail
from django.dispatch import receiver
from django.http import HttpRequest
from django.template.loader import render_to_string

from accounts.locale import clinic_of, in_locale_of
from accounts.models import User

logger = logging.getLogger(__name__)


def send_reset_link(request: HttpRequest, user: User) -> bool:
    """Mail a link by which `user` chooses another password; nobody else gets to see it. False: it did not leave."""
    token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    address = get_adapter(request).get_reset_password_from_key_url(f"{user_pk_to_url_str(user)}-{token}")
    return write_to(user, "password_reset_key", password_reset_url=address)


def write_to(user: User, letter: str, **context: Any) -> bool:
    """Send templates/account/email/`letter`_subject.txt and _message.txt. A mail server that is away breaks no page.

    False where no mail left.
    """
    with in_locale_of(user, clinic=clinic_of(user)):
        subject, message = (
            render_to_string(f"account/email/{letter}_{part}.txt", {"user": user, **context}).strip()
            for part in ("subject", "message")
        )
    try:
        return bool(send_mail(subject, message, None, [user.email]))
    except OSError:  # smtplib's errors are OSErrors too
        logger.exception("A mail about an account (%s) could not be sent", letter)
        return False


@receiver(authenticator_added)
def _added(user: User, authenticator: Authenticator, **_: Any) -> None:
    _tell(user, authenticator, "second_factor_added")


@receiver(authenticator_removed)
def _removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    _tell(user, authenticator, "second_factor_removed")


def _tell(user: User, authenticator: Authenticator, letter: str) -> None:
    """Recovery codes come and go with the factor that they stand in for."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        write_to(user, letter, passkey=authenticator.type == Authenticator.Type.WEBAUTHN)
