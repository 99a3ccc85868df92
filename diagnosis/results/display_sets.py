"""What of a study is looked at together, in which order, and what a viewer opens with."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from accounts.models import User
from diagnosis.models import Scan
from diagnosis.models.modality import Modality
from diagnosis.models.scan import ScanQuerySet
from ml.imaging.role import Role

# A study has hundreds of slices, not thousands; a page must not ask for more.
MOST = 2000
# Slices that say nothing of their role came in before it was kept.
_AXIAL = ("", Role.AXIAL)
_XRAYS = {Role.FRONTAL: 0, Role.LATERAL: 1, Role.OTHER: 2}
_SHOWN = (
    *("clinic", "modality", "role", "slice_position", "instance_number", "view_position", "series_instance_uid"),
    *("not_classified_code", "not_classified_params", "acquired_at", "uploaded_at", "series"),
)


class _Row(NamedTuple):
    """What orders an image: a study has hundreds, and a page that opens must not make objects of them all."""

    pk: uuid.UUID
    series: uuid.UUID
    modality: str
    role: str
    position: float | None
    number: int | None


_COLUMNS = ("pk", "series_id", "modality", "role", "slice_position", "instance_number")


@dataclass(frozen=True)
class DisplaySet:
    """Images that one goes through one after the other: those of a CT series that play one part, or a single X-ray.

    `images` are their keys; slices go from head to foot where every one says where it lies, else by instance number.
    `middle` is the image that opens and stands for the set.
    """

    key: str
    images: tuple[uuid.UUID, ...]
    middle: Scan

    @property
    def is_axial(self) -> bool:
        return self.middle.comes_in_series and self.middle.role in _AXIAL

    @property
    def is_frontal(self) -> bool:
        """Or an X-ray that names no view and that classifiers may be asked about."""
        role = self.middle.role or ("" if self.middle.not_classified_code else Role.FRONTAL)
        return not self.middle.comes_in_series and role == Role.FRONTAL

    @property
    def is_lateral(self) -> bool:
        return not self.middle.comes_in_series and self.middle.role == Role.LATERAL


@dataclass(frozen=True)
class Hanging:
    """What a viewer opens with; `beside` it the image in the second pane."""

    first: Scan
    beside: Scan | None = None


def key_of(image: Scan) -> str:
    """The same for all images of one display set. A scout among the slices of a series is a set of its own."""
    return _key(image.pk, image.series_id, image.modality, image.role)


def _key(pk: uuid.UUID, series: uuid.UUID, modality: str, role: str) -> str:
    if not Modality(modality).comes_in_series:
        return str(pk)
    return f"{series}-{Role.AXIAL if role in _AXIAL else role}"


def display_sets(study: uuid.UUID, *, visible_to: User) -> list[DisplaySet]:
    """All images of a study: X-rays from the frontal ones on, series by their numbers."""
    groups = _grouped(Scan.objects.visible_to(visible_to).filter(series__study=study))
    keys = [_in_the_middle(images) for images in groups.values()]
    middles = Scan.objects.select_related("series__study").in_bulk(keys)
    sets = [DisplaySet(key, images, middles[_in_the_middle(images)]) for key, images in groups.items()]
    return sorted(sets, key=_place)


def series(scan: Scan, *, visible_to: User) -> list[Scan]:
    """The images of the display set that the scan is in."""
    same = Scan.objects.visible_to(visible_to).filter(series=scan.series_id)
    images = same.only(*_SHOWN).in_bulk()
    for image in images.values():
        image.series = scan.series  # with its study, which dates an image that has no header
    return [images[key] for key in _grouped(same).get(key_of(scan), ()) if key in images]


def hang(scan: Scan, sets: Sequence[DisplaySet]) -> Hanging:
    """With the image that stands for the study: PA beside lateral, or the middle of the largest axial series.

    With any other image: that one, for it was asked for by name.
    """
    if scan.pk != scan.study.representative_id:
        return Hanging(scan)
    axial = [one for one in sets if one.is_axial]
    if axial:
        return Hanging(_middle(max(axial, key=lambda one: len(one.images)), scan))
    frontal = next((one.middle for one in sets if one.is_frontal), None)
    lateral = next((one.middle for one in sets if one.is_lateral), None)
    return Hanging(frontal, lateral) if frontal else Hanging(scan)


def _middle(largest: DisplaySet, scan: Scan) -> Scan:
    """Of an even number two slices lie in the middle: the one that stands for the study, if it is one of them."""
    count = len(largest.images)
    return scan if scan.pk in largest.images[(count - 1) // 2 : count // 2 + 1] else largest.middle


def _in_the_middle(images: Sequence[uuid.UUID]) -> uuid.UUID:
    return images[len(images) // 2]


def _grouped(images: ScanQuerySet) -> dict[str, tuple[uuid.UUID, ...]]:
    """The keys of the images of each display set in order, the sets in the order in which they came in."""
    found: dict[str, list[_Row]] = {}
    for row in map(_Row._make, images.order_by("uploaded_at", "pk").values_list(*_COLUMNS)[:MOST]):
        found.setdefault(_key(row.pk, row.series, row.modality, row.role), []).append(row)
    return {key: tuple(row.pk for row in _ordered(rows)) for key, rows in found.items()}


def _ordered(rows: list[_Row]) -> list[_Row]:
    numbered = sorted(rows, key=lambda one: (one.number is None, one.number or 0))
    positions = {row.pk: row.position for row in rows if row.position is not None}
    return sorted(numbered, key=lambda one: -positions[one.pk]) if len(positions) == len(rows) else numbered


def _place(group: DisplaySet) -> tuple[bool | int, bool | int]:
    """Sorts display sets; equal ones stay in the order in which they came in."""
    middle = group.middle
    if middle.comes_in_series:
        return middle.series.number is None, middle.series.number or 0
    rank = 0 if group.is_frontal else _XRAYS.get(Role(middle.role or Role.UNKNOWN), len(_XRAYS))
    return rank, middle.view_position != "PA"
