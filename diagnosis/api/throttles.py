"""How often strangers may try to sign in."""

from allauth.account.adapter import get_adapter
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView


class SignInThrottle(SimpleRateThrottle):
    """Counts attempts by address, failed or not; failures are counted by accounts/guesses.py, as those of the pages.

    DRF's own throttles believe any X-Forwarded-For, which a guesser changes at will; allauth counts trusted proxies.
    """

    scope = "token"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        ident = get_adapter().get_client_ip(request._request)
        return self.cache_format % {"scope": self.scope, "ident": ident}
