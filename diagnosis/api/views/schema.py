"""The OpenAPI schema and its readable form."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The `token` of POST /tokens/."}


class PageSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.PageSessionAuthentication"
    name = "session"


class InSourceLanguage:
    """The documentation is part of the code and speaks its language, whoever reads it."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override(settings.LANGUAGE_CODE):
            response: Any = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
            return response.render()  # while the language holds


class Once(SchemaGenerator):
    """The schema is the same for everybody, and describing all addresses takes a second."""

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        return _described()


@cache
def _described() -> dict[str, Any]:
    with translation.override(settings.LANGUAGE_CODE):  # an address may ask for another one
        schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


class Schema(InSourceLanguage, SpectacularAPIView):
    """OpenAPI 3 of every address below."""

    generator_class = Once


class Docs(InSourceLanguage, SpectacularSwaggerSplitView):
    """In a browser, under the portal's strict content policy: scripts and styles are files, none is inline."""

    url_name = "api:schema"
    template_name = "api/docs.html"
