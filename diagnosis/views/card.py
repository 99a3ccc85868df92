"""Model cards, for everybody who reads results."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from diagnosis.results import cards, markdown


@require_safe
def show(request: HttpRequest, name: str, version: str) -> HttpResponse:
    """The card of one version of a classifier or of an ensemble."""
    text = cards.text(f"{name}/{version}")
    if text is None:
        raise Http404("no such model card is installed here")
    context = {"identity": f"{name} {version}", "card": markdown.render(text)}
    return render(request, "diagnosis/card/card.html", context)
