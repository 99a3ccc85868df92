"""Secrets that the portal must be able to use again, encrypted with keys that are derived from its own."""

from __future__ import annotations

import base64
import hmac

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def cipher(purpose: bytes) -> MultiFernet:
    """Encrypts with today's key, decrypts with each; raises cryptography.fernet.InvalidToken where none fits.

    What was encrypted for one purpose is not readable for another.
    """
    return MultiFernet([_fernet(str(key), purpose) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(key: str, purpose: bytes) -> Fernet:
    """A key of its own, 32 bytes, derived from one that serves other purposes too."""
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key.encode(), purpose, "sha256")))
