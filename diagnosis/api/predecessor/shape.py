"""The old answers: `{"percentage": "97.31% COVID"}` as JSON, or the same words as plain text.

Where there is no number that may be given, a sentence takes its place, because that is what the old programs show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpResponse, JsonResponse
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from audit.programs import SEND_BASE64
from diagnosis.models import Analysis, ReadingPolicy
from diagnosis.models.zone import Zone
from diagnosis.results import words
from diagnosis.results.answers import Given, given
from ml.spec import NO_FINDING

# What is written below the words of a result, in this order.
FURTHER = ("verdict", "intended_use")
LINES = "text/plain"


class TextRenderer(BaseRenderer):
    media_type = LINES
    format = "txt"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> str:
        return as_text(data)


class NoChoice(DefaultContentNegotiation):
    """The old system answered in one way, whatever a program said that it accepts."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        only = next(iter(renderers))
        return only, only.media_type


def as_text(told: Mapping[str, Any]) -> str:
    lines = [told["percentage"], *(told[name] for name in FURTHER if told.get(name))]
    return "\n".join(dict.fromkeys(map(str, lines))) + "\n"


def of_problem(problem: Mapping[str, Any]) -> dict[str, Any]:
    return {"percentage": problem["detail"], **problem}


def refused(path: str, problem: Mapping[str, Any], *, status: int) -> HttpResponse:
    """A refusal from before a view was asked."""
    told = of_problem(problem)
    if path == SEND_BASE64:
        return JsonResponse(told, status=status)
    return HttpResponse(as_text(told), status=status, content_type=f"{LINES}; charset=utf-8")


def percentage(analysis: Analysis, *, policy: ReadingPolicy, hidden: bool, stopped: bool) -> str:
    """`97.31% COVID` of a result that says one thing; else the sentence that the portal says of it."""
    said = words.computer(analysis, policy=policy, hidden=hidden)
    one = None if said.is_state or said.folded or stopped else _given(analysis)
    if one is None or not is_plain(one):
        return said.sentence
    return f"{one.probabilities[one.label]:.2%} {one.label.upper()}"


def _given(analysis: Analysis) -> Given | None:
    """Of the ensemble, or of the only classifier."""
    predictions = list(analysis.predictions.all())
    one = analysis.ensemble or (predictions[0] if len(predictions) == 1 else None)
    return given(one) if one else None


def is_plain(one: Given) -> bool:
    """Whether one class and its probability say the same as the zones of both questions do.

    Between two thresholds nothing is settled, and "41 % COVID" of an image that lies below them would mislead.
    """
    looked_for = Zone.POSITIVE if one.label == one.point["positive_label"] else Zone.NEGATIVE
    if one.stance != looked_for:
        return False
    abnormal = Zone.NEGATIVE if one.label in NO_FINDING else Zone.POSITIVE
    return one.abnormality is None or one.abnormality["zone"] == abnormal
