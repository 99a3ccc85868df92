"""What an image of a study is called, and what several of them are together, in few words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext, gettext_noop, ngettext, pgettext

from diagnosis.models import Scan
from diagnosis.models.modality import Modality

# By the role that the header gives an image. An X-ray's own view, "PA" or "AP", says more than "frontal".
_ROLES = {
    "lateral": gettext_noop("lateral"),
    "scout": gettext_noop("scout"),
    "derived": gettext_noop("derived image"),
    "frontal": gettext_noop("frontal"),
}


def image_counts(studies: Iterable[UUID]) -> dict[UUID, int]:
    """How many images each of the studies with these keys has; one query for a whole list, none for an empty one."""
    keys = set(studies)
    images = Scan.objects.filter(series__study__in=keys).order_by()
    return dict(images.values_list("series__study").annotate(Count("pk"))) if keys else {}


def view_name(role: str, view: str) -> str:
    """ "PA", "lateral", "scout"; empty where the file names no view."""
    if role in _ROLES and not (role == "frontal" and view):
        return gettext(_ROLES[role])
    return view


def name_of(image: Scan) -> str:
    """What the image is called beside the others of its study: its view, else its number in the series."""
    named = view_name(image.role, image.view_position)
    if named or image.instance_number is None:
        return named or pgettext("an image without a name", "Image")
    if image.comes_in_series:
        return gettext("Slice %(number)d") % {"number": image.instance_number}
    return gettext("Image %(number)d") % {"number": image.instance_number}


def count_of(images: int) -> str:
    """ "1 image", "60 images" """
    return ngettext("%(count)d image", "%(count)d images", images) % {"count": images}


def summary(images: Sequence[Scan]) -> str:
    """What a study consists of: "2 images: PA, lateral"; of a CT "41 images in 2 series"."""
    if any(Modality(image.modality).comes_in_series for image in images):
        return _in_series(len(images), len({image.series_id for image in images}))
    return with_views(len(images), [view_name(image.role, image.view_position) for image in images])


def with_views(count: int, views: Iterable[str]) -> str:
    """The number of images with the views that their files name, each as often as it is there."""
    named = ", ".join(view for view in views if view)
    if not named:
        return count_of(count)
    return gettext("%(images)s: %(views)s") % {"images": count_of(count), "views": named}


def _in_series(count: int, series: int) -> str:
    if series == 1:
        return count_of(count)
    return ngettext("%(images)s in %(count)d series", "%(images)s in %(count)d series", series) % {
        "images": count_of(count),
        "count": series,
    }
