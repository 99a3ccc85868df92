"""The image viewer: its page, and what it fetches."""

from __future__ import annotations

import gzip
import logging
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.permissions import Permission, require
from audit.notes import note_event
from audit.vocabulary import Event
from diagnosis.errors import FileRefused, IntakeUnavailable
from diagnosis.models import Scan
from diagnosis.results import slices as slicing
from diagnosis.results.display_sets import series
from diagnosis.scans import greyscale as grey
from diagnosis.views import viewer_settings
from diagnosis.views.shortcuts import find, person
from diagnosis.views.viewer_sets import entries

log = logging.getLogger(__name__)


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The viewer on a page of its own."""
    return render(request, "diagnosis/viewer/scan.html", {"scan": _find(request, pk)})


@never_cache
@require_safe
def settings(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """What a viewer is told of this scan: for a page that goes on to it, and for what may be seen by now."""
    return JsonResponse(viewer_settings.settings_of(_find(request, pk), person(request)))


@require_safe
def greyscale(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The measured values, as diagnosis.scans.greyscale describes. A browser may keep them, but must ask."""
    scan = _find(request, pk)
    etag = grey.etag(scan)
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged if isinstance(unchanged, HttpResponse) else _values(request, scan)
    if response.status_code < 400:
        response["ETag"], response["Cache-Control"] = etag, "private, no-cache"
        response["Vary"] = "Cookie, Accept-Encoding"
    return response


def _values(request: HttpRequest, scan: Scan) -> HttpResponse:
    try:
        data = grey.greyscale(scan)
    except (FileRefused, OSError) as error:
        log.exception("no values of scan %s", scan.pk)
        raise Http404("the original of this scan cannot be read") from error
    except IntakeUnavailable as error:
        log.exception("no values of scan %s", scan.pk)
        return JsonResponse({"code": error.code, "detail": error.sentence}, status=error.http_status)
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return HttpResponse(gzip.decompress(data), content_type="application/octet-stream")
    return HttpResponse(data, content_type="application/octet-stream", headers={"Content-Encoding": "gzip"})


@never_cache
@require_safe
def slices(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The series of a CT slice, in order. What the classifiers said is not in it: see `slice_scores`."""
    scan = _find(request, pk)
    found = series(scan, visible_to=person(request))
    viewer_settings.share_study(scan, found[:1])
    return JsonResponse({"slices": entries(found)})


@never_cache
@require_safe
def slice_scores(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Of the scan's whole study, by the image's key, if the person may see its result now; its key images, and the
    slices of which no score is missing: a neighbour was asked in their place.
    """
    scan = _find(request, pk)
    require(person(request), Permission.VIEW_RESULT, scan.clinic)
    found = slicing.scores(scan.study_id, visible_to=person(request))
    key_images = slicing.key_images(scan.study_id, visible_to=person(request))
    unasked = slicing.unasked(scan.study_id, visible_to=person(request))
    scores = {str(key): _score(score) for key, score in found.items()}
    return JsonResponse({"scores": scores, "key_images": key_images, "unasked": unasked})


def _score(score: slicing.Score) -> dict[str, Any]:
    config = {"probability": score.probability, "zone": score.zone, "above": score.above, "total": score.total}
    return config | {"attention": viewer_settings.attention(score)}


def _find(request: HttpRequest, pk: uuid.UUID) -> Scan:
    scan = find(Scan.objects.select_related("clinic", "patient", "series__study"), request, pk)
    note_event(Event.INSTANCES_ACCESSED)
    require(person(request), Permission.VIEW_PATIENT, scan.clinic)
    return scan
