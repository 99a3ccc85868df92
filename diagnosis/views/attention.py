"""Where a classifier looked, in colours."""

from __future__ import annotations

import logging
import uuid

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.permissions import Permission, require
from diagnosis.models import Prediction
from diagnosis.results import colour
from diagnosis.rules import blinding
from diagnosis.views.http_cache import private_png
from diagnosis.views.shortcuts import find, person

log = logging.getLogger(__name__)


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    prediction = find(Prediction.objects.select_related("analysis__study__clinic"), request, pk)
    require(person(request), Permission.VIEW_RESULT, prediction.analysis.study.clinic)
    if blinding.hides_result(person(request), prediction.analysis.study_id):
        raise PermissionDenied(gettext(blinding.RESULT_HIDDEN))
    try:
        # A prediction never changes, so its key says enough.
        return private_png(request, f'"{prediction.pk.hex}-{colour.RECIPE}"', lambda: colour.tint(_stored(prediction)))
    except OSError as error:
        log.exception("attention map of prediction %s", prediction.pk)
        raise Http404("the attention map cannot be read") from error


def _stored(prediction: Prediction) -> bytes:
    with prediction.attention.open("rb") as file:
        return bytes(file.read())
