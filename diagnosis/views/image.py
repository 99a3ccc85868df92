"""A scan's pictures and its original file; each only through the one door."""

from __future__ import annotations

import logging
import uuid

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.permissions import Permission, require
from audit.notes import note_event
from audit.vocabulary import Event
from diagnosis.errors import FileRefused, IntakeUnavailable
from diagnosis.models import Prediction, Scan
from diagnosis.models.scan import FileFormat
from diagnosis.scans import rendition
from diagnosis.views.http_cache import private_png
from diagnosis.views.shortcuts import find, person

log = logging.getLogger(__name__)
CONTENT_TYPES = {FileFormat.PNG: "image/png", FileFormat.JPEG: "image/jpeg", FileFormat.DICOM: "application/dicom"}


@require_safe
def picture(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Derived, 8-bit grey. `side` is one of rendition.SIDES; left out, the largest."""
    side = request.GET.get("side", str(rendition.FULL))
    if side not in map(str, rendition.SIDES):
        raise Http404("no such size")
    return _rendition(request, pk, int(side))


@require_safe
def thumbnail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _rendition(request, pk, rendition.THUMBNAIL)


@require_safe
def original(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The uploaded bytes, to be saved and never opened in place."""
    scan = _find(request, pk)
    note_event(Event.EXPORT)
    try:
        file = scan.original.open("rb")
    except OSError as error:
        log.exception("original of scan %s", scan.pk)
        raise Http404("the original cannot be read") from error
    response = FileResponse(
        file,
        as_attachment=True,
        filename=scan.original_name,
        content_type=CONTENT_TYPES[FileFormat(scan.file_format)],
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


@require_safe
def seen(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The very picture that a classifier's network got, kept when it answered. It tells nothing of the answer."""
    prediction = find(Prediction.objects.select_related("analysis__study__clinic"), request, pk)
    note_event(Event.INSTANCES_ACCESSED)
    require(person(request), Permission.VIEW_PATIENT, prediction.analysis.study.clinic)
    if not prediction.seen:
        raise Http404("the picture that the network got was not kept then")
    try:
        with prediction.seen.open("rb") as file:
            data = file.read()
    except OSError as error:
        log.exception("what the network got, prediction %s", prediction.pk)
        raise Http404("the picture that the network got cannot be read") from error
    return HttpResponse(data, content_type="image/png", headers={"Cache-Control": "private, no-store"})


def _rendition(request: HttpRequest, pk: uuid.UUID, side: int) -> HttpResponse:
    scan = _find(request, pk)
    try:
        return private_png(request, rendition.etag(scan, side), lambda: rendition.rendition(scan, side))
    except (FileRefused, OSError) as error:
        log.exception("no picture of scan %s", scan.pk)
        raise Http404("no picture can be made of this scan") from error
    except IntakeUnavailable as error:
        return HttpResponse(error.sentence, status=error.http_status, content_type="text/plain; charset=utf-8")


def _find(request: HttpRequest, pk: uuid.UUID) -> Scan:
    scan = find(Scan.objects.select_related("clinic"), request, pk)
    note_event(Event.INSTANCES_ACCESSED)
    require(person(request), Permission.VIEW_PATIENT, scan.clinic)
    return scan
