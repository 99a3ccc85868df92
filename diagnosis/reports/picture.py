"""The pictures that go with a report on paper."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from diagnosis.errors import FileRefused
from diagnosis.models import Report
from diagnosis.reports import key_images
from diagnosis.results.images import name_of
from diagnosis.scans import rendition

# As wide as a picture is printed, 300 pixels an inch need no more.
KEY_IMAGE_SIDE = 720


@dataclass(frozen=True)
class Picture:
    """`png` is None where the file cannot be read. `caption` names the image, empty where it is the only one of its
    kind; `measurements` are words in the order of the numbers drawn on it.
    """

    png: bytes | None
    caption: str = ""
    measurements: tuple[str, ...] = ()


def pictures_of(report: Report) -> tuple[Picture, ...]:
    """The key images that the reader marked, in their order; where there is none, the image that stands for the study.

    Never empty.
    """
    marked = tuple(_marked(one) for one in key_images.key_images(report))
    return marked or (_shown(report),)


def _marked(one: key_images.ShownKeyImage) -> Picture:
    named = _("Key image %(number)s: %(name)s") % {"number": one.place, "name": one.name}
    caption = ", ".join(part for part in (named, one.window) if part)
    return Picture(key_images.picture(one, side=KEY_IMAGE_SIDE), caption, one.measurements)


def _shown(report: Report) -> Picture:
    caption = name_of(report.scan) if report.scan.comes_in_series else ""
    try:
        return Picture(rendition.rendition(report.scan, 1024), caption)
    except (FileRefused, OSError):
        return Picture(None, caption)  # the words matter more; the page says that the picture is missing
