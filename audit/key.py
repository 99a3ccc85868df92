"""The key of the trail: outside the database, so that whoever has only the database can forge nothing."""

from __future__ import annotations

import hmac
from functools import cache

from django.conf import settings


@cache
def _bytes(text: str) -> bytes:
    return text.encode()


def keyed_hash(purpose: str, content: str) -> str:
    """HMAC-SHA256 (RFC 2104) in hexadecimal; what is hashed for one purpose proves nothing for another."""
    return hmac.digest(_bytes(settings.AUDIT_KEY), f"{purpose}\0{content}".encode(), "sha256").hex()


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
