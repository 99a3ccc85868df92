"""WADO-RS: an image as a picture that any program shows, made of the one that the pages show."""

from __future__ import annotations

import re
from io import BytesIO

from django.http import HttpResponse
from django.utils.translation import gettext_noop
from PIL import Image
from rest_framework.request import Request

from diagnosis.api.files import PRIVATE, stored_file
from diagnosis.errors import Refusal
from diagnosis.models import Scan
from diagnosis.scans import rendition
from dicomweb import accepting
from dicomweb.selecting import at
from dicomweb.views.base import DicomWebView
from dicomweb.views.retrieve import require_frames

JPEG_QUALITY = 90
BAD_VIEWPORT = gettext_noop("“viewport” must be a width and a height in pixels: viewport=512,512.")
BAD_QUALITY = gettext_noop("“quality” must be a whole number from 1 to 100.")
_VIEWPORT = re.compile(r"([1-9]\d{0,4}),([1-9]\d{0,4})", re.ASCII)


class Rendered(DicomWebView):
    """Windowed as on the pages; `viewport` makes it smaller, never larger."""

    known = ("accept", "viewport", "quality")
    side = rendition.FULL

    def get(self, request: Request, frames: str = "1", **uids: str) -> HttpResponse:
        kind = accepting.picture_type(request)
        box, quality = _viewport(request), _quality(request)
        require_frames(frames)
        scan = self.pick(request, uids)
        with stored_file(scan.pk):
            data = rendition.rendition(scan, self.side)
        return HttpResponse(_drawn(data, kind, box, quality), content_type=kind, headers=PRIVATE)

    def pick(self, request: Request, uids: dict[str, str]) -> Scan:
        [scan] = at(request, **uids)
        return scan


class Thumbnail(Rendered):
    """Of a study the image that stands for it in lists, of a series the one in the middle."""

    side = rendition.THUMBNAIL

    def pick(self, request: Request, uids: dict[str, str]) -> Scan:
        found = at(request, **uids)
        shown = next((scan for scan in found if scan.pk == scan.study.representative_id), None)
        return shown if shown and "series" not in uids else found[len(found) // 2]


def _drawn(png: bytes, kind: str, box: tuple[int, int] | None, quality: int) -> bytes:
    """From a PNG that we made ourselves."""
    if kind == "image/png" and not box:
        return png
    out = BytesIO()
    with Image.open(BytesIO(png), formats=["PNG"]) as picture:
        if box:
            picture.thumbnail(box)
        if kind == "image/png":
            picture.save(out, "PNG")
        else:
            picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _viewport(request: Request) -> tuple[int, int] | None:
    stated = request.query_params.get("viewport")
    if stated is None:
        return None
    if not (found := _VIEWPORT.fullmatch(stated)):
        raise Refusal("bad_viewport", BAD_VIEWPORT)
    return int(found[1]), int(found[2])


def _quality(request: Request) -> int:
    stated = request.query_params.get("quality", str(JPEG_QUALITY))
    if not re.fullmatch(r"[1-9]\d?|100", stated, re.ASCII):
        raise Refusal("bad_quality", BAD_QUALITY)
    return int(stated)
