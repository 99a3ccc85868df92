"""The key images of a report: from the signature's snapshot, or from the reading before it.

`key_images(report)` gives them in order with their words; `picture(image)` makes the PNG that goes with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from diagnosis import formats
from diagnosis.errors import FileRefused, IntakeUnavailable
from diagnosis.models import KeyImage, Report, Scan
from diagnosis.results.images import name_of
from diagnosis.scans.greyscale import measured
from diagnosis.scans.marked_picture import marked_picture
from diagnosis.scans.measuring import Kind, Measurement

SIDE = 1024


@dataclass(frozen=True)
class ShownKeyImage:
    """One key image as the report shows it. `measurements` are words in the order of the numbers on the picture.

    `kept` is what the snapshot holds of it, `name` what the image is called among those of its study.
    """

    kept: Mapping[str, Any]
    image: Scan
    name: str
    window: str
    measurements: tuple[str, ...]

    @property
    def place(self) -> int:
        return int(self.kept["place"])


def frozen(report: Report) -> list[dict[str, Any]]:
    """The key images of the report's reading as JSON values, for the snapshot."""
    return [_frozen(one) for one in report.reading.key_images.all()]


def _frozen(one: KeyImage) -> dict[str, Any]:
    return {
        "id": str(one.image_id),
        "place": one.place,
        "window": None if one.window_width is None else {"centre": one.window_centre, "width": one.window_width},
        "inverted": one.inverted,
        "measurements": one.measurements,
    }


def key_images(report: Report) -> list[ShownKeyImage]:
    """Reports that were signed before there were any have none."""
    kept = report.snapshot.get("key_images", []) if report.is_final else frozen(report)
    images = {image.pk: image for image in Scan.objects.filter(pk__in=[one["id"] for one in kept])}
    return [_shown(one, images[UUID(one["id"])]) for one in kept if UUID(one["id"]) in images]


def _shown(kept: Mapping[str, Any], image: Scan) -> ShownKeyImage:
    found = [Measurement.restored(one) for one in kept["measurements"]]
    return ShownKeyImage(kept, image, name_of(image), _window(kept), tuple(map(words, found)))


def picture(shown: ShownKeyImage, *, side: int = SIDE) -> bytes | None:
    """A PNG whose longer side is `side` pixels; None where the file cannot be read."""
    try:
        values = measured(shown.image)
    except (FileRefused, IntakeUnavailable, OSError):
        return None  # the words matter more; the page says that the picture is missing
    window = shown.kept["window"]
    return marked_picture(
        values,
        window=(window["centre"], window["width"]) if window else None,
        inverted=shown.kept["inverted"],
        shapes=[Measurement.restored(one).shape for one in shown.kept["measurements"]],
        side=side,
    )


def words(found: Measurement) -> str:
    """ "length 12.3 mm", "region: mean −650 HU, standard deviation 40 HU, 120 mm²"."""
    if found.value is None:
        return _("measurement without a value: the image could not be read")
    if found.shape.kind == Kind.LENGTH:
        return _length(found)
    if found.shape.kind == Kind.ANGLE:
        return _("angle %(degrees)s°") % {"degrees": formats.decimal(found.value, 1)}
    return _region(found)


def _length(found: Measurement) -> str:
    if not found.in_mm:
        return _("length %(length)s pixels (the file does not say their size)") % {
            "length": formats.decimal(found.value, 0)
        }
    length = {"length": formats.decimal(found.value, 1)}
    return (
        _("length %(length)s mm at the detector") % length if found.at_detector else _("length %(length)s mm") % length
    )


def _region(found: Measurement) -> str:
    numbers = {
        "mean": _with_unit(found.value, found.unit),
        "spread": _with_unit(found.spread, found.unit),
        "area": formats.decimal(found.area, 0),
    }
    if not found.in_mm:
        return _("region: mean %(mean)s, standard deviation %(spread)s, %(area)s pixels") % numbers
    if found.at_detector:
        return _("region: mean %(mean)s, standard deviation %(spread)s, %(area)s mm² at the detector") % numbers
    return _("region: mean %(mean)s, standard deviation %(spread)s, %(area)s mm²") % numbers


def _with_unit(value: float | None, unit: str) -> str:
    number = formats.decimal(value, 0 if unit == "HU" else 1)
    return f"{number}{formats.NBSP}{unit}" if unit else number


def _window(kept: Mapping[str, Any]) -> str:
    """How it is shown; empty where it is as the file asks."""
    window = kept["window"]
    parts = []
    if window:
        numbers = {"width": formats.decimal(window["width"], 0), "centre": formats.decimal(window["centre"], 0)}
        parts.append(_("window W %(width)s L %(centre)s") % numbers)
    return ", ".join([*parts, _("black and white exchanged")] if kept["inverted"] else parts)
