"""Speaking OpenID Connect with the hospital's provider: what is configured, the requests, and what is believed."""

from accounts.openid.client import Answer, authorization_address, exchange, fetch_userinfo
from accounts.openid.config import Grant, Provider, configured, is_on
from accounts.openid.errors import SignInRefused
from accounts.openid.identity import Identity, believe

__all__ = [
    "Answer",
    "Grant",
    "Identity",
    "Provider",
    "SignInRefused",
    "authorization_address",
    "believe",
    "configured",
    "exchange",
    "fetch_userinfo",
    "is_on",
]
