"""The translations of the sentences in static/js, as a script that pages load before their modules."""

from __future__ import annotations

import hashlib
from functools import cache

from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.views.i18n import JavaScriptCatalog


class _Catalogue(JavaScriptCatalog):
    # Ours alone: Django's admin brings sentences that its own pages fetch.
    packages = ["portal", "diagnosis", "accounts"]


@cache
def script(language: str) -> bytes:
    """What /jsi18n/ answers in `language`; made once a process, as Django reads its catalogues."""
    with translation.override(language):
        return bytes(_Catalogue().get(HttpRequest()).content)


@cache
def digest(language: str) -> str:
    return hashlib.sha256(script(language)).hexdigest()[:12]


def address() -> str:
    """Where the script of the language in use lies: another text has another address, so that each is kept for long."""
    language = translation.get_language() or "en-gb"
    return reverse("script_catalogue", args=(language, digest(language)))
