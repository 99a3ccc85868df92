"""How allauth keeps second factors here: secrets encrypted, with our words."""

from __future__ import annotations

import logging
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.cipher import cipher

logger = logging.getLogger(__name__)


def _keys() -> MultiFernet:
    return cipher(b"accounts.second factor")


class FactorAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This code is not right. Check it and try again."),
        "incorrect_passkey": _("This passkey was not accepted. Try again, or use another."),
        "too_many_codes": _("Too many wrong codes were typed. Wait %(seconds)s seconds and try again."),
        "unreadable_secret": _(
            "The portal’s key was changed, so your second factor can no longer be checked. Ask an administrator to"
            " reset it."
        ),
    }

    def encrypt(self, text: str) -> str:
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Raise ValidationError, with a sentence for the person, where no key of today opens it."""
        try:
            return _keys().decrypt(encrypted_text.encode()).decode()
        except InvalidToken as error:
            logger.error("A second factor cannot be decrypted: SECRET_KEY was changed")
            raise ValidationError(self.error_messages["unreadable_secret"], code="unreadable_secret") from error

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002  allauth's
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return gettext("Passkey %(number)d") % {"number": number}

    def _get_site_name(self) -> str:
        """What a device shows when it asks for a passkey."""
        return str(settings.MFA_TOTP_ISSUER)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Mails about factors are ours, see accounts/letters.py."""
