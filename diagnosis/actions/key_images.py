"""Key images of a reading: what was drawn becomes numbers here, from the stored values and not from the browser's."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from diagnosis.errors import FileRefused, IntakeUnavailable
from diagnosis.forms.key_images import MarkedImage
from diagnosis.models import KeyImage, Review, Scan
from diagnosis.scans.greyscale import measured
from diagnosis.scans.measuring import Measurement, measure

log = logging.getLogger(__name__)


def prepare_key_images(review: Review, marked: Iterable[MarkedImage]) -> list[KeyImage]:
    """Rows for `decide_review` to store, in the order in which the images were marked.

    An image that is no longer part of what is read, as after a correction, is left out.
    """
    keys = [one for one in marked if one.is_key]
    images = _images_of(review, keys)
    there = [one for one in keys if one.image in images]
    return [_prepared(review, one, images[one.image], place) for place, one in enumerate(there, 1)]


def _images_of(review: Review, keys: list[MarkedImage]) -> dict[object, Scan]:
    images = Scan.objects.filter(series__study=review.study_id, pk__in=[one.image for one in keys])
    return {image.pk: image for image in images}


def _prepared(review: Review, marked: MarkedImage, image: Scan, place: int) -> KeyImage:
    centre, width = marked.window or (None, None)
    return KeyImage(
        review=review,
        image=image,
        place=place,
        window_centre=centre,
        window_width=width,
        inverted=marked.inverted,
        measurements=[one.stored for one in _measurements(marked, image)],
    )


def _measurements(marked: MarkedImage, image: Scan) -> list[Measurement]:
    """Without numbers where the file cannot be read now: a decision does not wait for it."""
    if not marked.shapes:
        return []
    try:
        values = measured(image)
    except (FileRefused, IntakeUnavailable, OSError):
        log.exception("nothing can be measured on scan %s", image.pk)
        return [Measurement(shape) for shape in marked.shapes]
    return [measure(shape, values) for shape in marked.shapes]
