"""/jsi18n/<language>/<digest>.js: one for everybody, kept by browsers and proxies."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import check_for_language
from django.views.decorators.http import require_safe

from portal import script_catalogue

FOR_A_YEAR = "public, max-age=31536000, immutable"


@login_not_required
@require_safe
def show(request: HttpRequest, language: str, digest: str) -> HttpResponse:
    """The catalogue in `language`. While two versions run beside each other, the other's text is not kept."""
    if not check_for_language(language):
        raise Http404
    lasting = digest == script_catalogue.digest(language)
    return HttpResponse(
        script_catalogue.script(language),
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": FOR_A_YEAR if lasting else "no-cache"},
    )
