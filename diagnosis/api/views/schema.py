"""The OpenAPI schema and its readable form."""

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The `token` of POST /tokens/."}


class PageSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.PageSessionAuthentication"
    name = "session"


class Schema(SpectacularAPIView):
    pass


class Docs(SpectacularSwaggerSplitView):
    """In a browser, under the portal's strict content policy: scripts and styles are files, none is inline."""

    url_name = "api:schema"
    template_name = "api/docs.html"
