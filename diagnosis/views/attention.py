"""Where a classifier looked, in colours."""

from __future__ import annotations

import logging
import uuid

from django.core.exceptions import PermissionDenied
from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import Permission, require
from audit.notes import note_event
from audit.vocabulary import Event
from diagnosis.actions.attention import request_attention
from diagnosis.errors import Refusal
from diagnosis.models import AttentionMap, Prediction, Scan
from diagnosis.results import colour
from diagnosis.rules import blinding
from diagnosis.views.http_cache import private_png
from diagnosis.views.scan import page
from diagnosis.views.shortcuts import find, person

log = logging.getLogger(__name__)


@require_POST
def draw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Have the maps of this image drawn, and go to its page; a script is told the state instead."""
    image = find(Scan.objects.select_related("patient", "clinic", "uploaded_by", "series__study__clinic"), request, pk)
    wants_state = request.headers.get("Accept", "").startswith("application/json")
    try:
        drawing = request_attention(by=person(request), image=image)
    except Refusal as refusal:
        if wants_state:
            return JsonResponse({"code": refusal.code, "detail": refusal.sentence}, status=refusal.http_status)
        return page(request, image, asked=True, refusal=refusal)
    if wants_state:
        return JsonResponse({"status": drawing.status, "reason": drawing.failure_reason})
    return redirect(f"{reverse('diagnosis:study-detail', args=[image.study_id])}?image={image.pk}")


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Of the prediction's own image; `?image=KEY`: of that one, where it was drawn."""
    prediction = find(Prediction.objects.select_related("analysis__study__clinic"), request, pk)
    note_event(Event.INSTANCES_ACCESSED)
    require(person(request), Permission.VIEW_RESULT, prediction.analysis.study.clinic)
    if blinding.hides_result(person(request), prediction.analysis.study_id):
        raise PermissionDenied(gettext(blinding.RESULT_HIDDEN))
    drawn = _drawn(request, prediction)
    try:
        if drawn:
            return private_png(request, f'"{drawn.pk.hex}-{colour.RECIPE}"', lambda: colour.tint(_bytes(drawn.picture)))
        # A prediction never changes, so its key says enough.
        return private_png(
            request, f'"{prediction.pk.hex}-{colour.RECIPE}"', lambda: colour.tint(_bytes(prediction.attention))
        )
    except OSError as error:
        log.exception("attention map of prediction %s", prediction.pk)
        raise Http404("the attention map cannot be read") from error


def _drawn(request: HttpRequest, prediction: Prediction) -> AttentionMap | None:
    """None where the map of the prediction's own image is asked for; 404 where it was not drawn."""
    asked = request.GET.get("image", str(prediction.image_id))
    if asked == str(prediction.image_id):
        return None
    try:
        return get_object_or_404(prediction.drawn.filter(drawing__image=uuid.UUID(asked)))
    except ValueError as error:
        raise Http404("no such image") from error


def _bytes(stored: FieldFile) -> bytes:
    with stored.open("rb") as file:
        return bytes(file.read())
