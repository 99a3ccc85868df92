"""Public pages that only read: home, about, questions and answers."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from diagnosis.analyses.classifiers import active_specs
from diagnosis.models.scan import Modality
from diagnosis.results import card_words
from diagnosis.results.labels import label_name
from ml.serving import BundleRefused
from ml.spec import ClassifierSpec

logger = logging.getLogger(__name__)


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/home.html")


@login_not_required
@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/about.html", {"classifiers": [_Card(spec) for spec in _specs()]})


def _specs() -> tuple[ClassifierSpec, ...]:
    """A damaged bundle stops the worker, which says so; it does not stop the page that explains the portal."""
    try:
        return active_specs()
    except BundleRefused:
        logger.exception("The classifiers cannot be listed")
        return ()


@login_not_required
@require_safe
def questions(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/questions.html")


@login_not_required
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every tone, for those who build pages; only with DEBUG=1."""
    if not settings.DEBUG:
        raise Http404
    page = Paginator(range(120), 10).get_page(request.GET.get("page", 5))
    return render(request, "_styleguide.html", {"tones": TONES, "states": STATES, "page": page})


TONES = ("neutral", "info", "success", "warning", "danger", "positive", "indeterminate", "negative")
STATES = ("queued", "running", "succeeded", "failed", "cancelled")


class _Card:
    """A classifier's spec in the words of the pages."""

    def __init__(self, spec: ClassifierSpec) -> None:
        self.spec = spec
        self.modality_name = Modality(spec.modality.value).label
        self.positive_name = label_name(spec.operating_point.positive_label)
        self.measured_on = card_words.tell(spec.operating_point.measured_on)
        self.meant_for = card_words.tell(spec.intended_use)
        self.not_for = card_words.tell(spec.must_not_use)
        self.terms = card_words.tell(spec.licence)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.spec, name)
