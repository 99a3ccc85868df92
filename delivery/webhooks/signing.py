"""How a receiver knows that an event is the portal's: the headers of Standard Webhooks, standardwebhooks.com."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

PREFIX = "whsec_"


def new_secret() -> str:
    """256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(secret: str, *, key: str, timestamp: int, body: bytes) -> dict[str, str]:
    """`key` is the same whenever the event is sent again; `timestamp` in seconds since 1970, of this try."""
    return {
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature(secret, key=key, timestamp=timestamp, body=body)}",
    }


def signature(secret: str, *, key: str, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 of key, time and body with a point between them, in base64."""
    signed = f"{key}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(_bytes_of(secret), signed, hashlib.sha256).digest()).decode()


def _bytes_of(secret: str) -> bytes:
    """Of one that a person chose, its characters."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
