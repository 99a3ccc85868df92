"""What a reader measured on an image: lengths, angles and regions, worked out from the stored values.

Points are columns and rows of image pixels; (0, 0) is the outer corner of the first pixel. static/js/viewer/shapes.js
shows the same numbers while they are drawn. Millimetres only where the file says how far apart its pixels lie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ml.imaging.greyscale import Greyscale

Point = tuple[float, float]
Pixels = npt.NDArray[np.bool_]


class Kind(StrEnum):
    LENGTH = "length"
    ANGLE = "angle"
    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"


POINTS = {Kind.LENGTH: 2, Kind.ANGLE: 3, Kind.RECTANGLE: 2, Kind.ELLIPSE: 2}
# Far outside every image; a point that lies further away was not drawn by a person.
FURTHEST = 1e5


@dataclass(frozen=True)
class Shape:
    """What was drawn. An angle's vertex is its second point; a region's two are opposite corners of its box."""

    kind: Kind
    points: tuple[Point, ...]

    @classmethod
    def read(cls, sent: Mapping[str, Any]) -> Self:
        """From JSON: {"kind": …, "points": [[column, row], …]}. Raises ValueError, KeyError or TypeError."""
        kind = Kind(sent["kind"])
        points = tuple((float(column), float(row)) for column, row in sent["points"])
        if len(points) != POINTS[kind] or not all(abs(value) < FURTHEST for point in points for value in point):
            raise ValueError("no such shape")
        return cls(kind, points)


@dataclass(frozen=True)
class Measurement:
    """A shape with its numbers. None of them where the image could not be read when the reading was decided.

    `value`: a length, degrees, or a region's mean; `unit` is "mm", "px", "°", "HU" or "" (numbers of the detector).
    `spread` is the standard deviation over the region's pixels; `area` is in mm² where `in_mm`, else in pixels.
    `at_detector`: millimetres there and not in the patient.
    """

    shape: Shape
    value: float | None = None
    unit: str = ""
    spread: float | None = None
    area: float | None = None
    in_mm: bool = False
    at_detector: bool = False

    @property
    def stored(self) -> dict[str, Any]:
        """JSON values, as KeyImage and the snapshot of a signed report keep them."""
        numbers = {"value": self.value, "unit": self.unit, "spread": self.spread, "area": self.area}
        scale = {"in_mm": self.in_mm, "at_detector": self.at_detector}
        points = [list(point) for point in self.shape.points]
        return {"kind": str(self.shape.kind), "points": points} | numbers | scale

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Self:
        names = ("value", "unit", "spread", "area", "in_mm", "at_detector")
        return cls(Shape.read(kept), **{name: kept[name] for name in names})


def measure(shape: Shape, image: Greyscale) -> Measurement:
    if shape.kind == Kind.LENGTH:
        return _length(shape, image)
    return _angle(shape, image) if shape.kind == Kind.ANGLE else _region(shape, image)


def _length(shape: Shape, image: Greyscale) -> Measurement:
    (x0, y0), (x1, y1) = shape.points
    row, column = image.spacing or (1.0, 1.0)
    value = math.hypot((x1 - x0) * column, (y1 - y0) * row)
    if image.spacing is None:
        return Measurement(shape, value, "px")
    return Measurement(shape, value, "mm", in_mm=True, at_detector=image.spacing_at_detector)


def _angle(shape: Shape, image: Greyscale) -> Measurement:
    """0 to 180 degrees; square pixels where the file does not say their shape."""
    row, column = image.spacing or (1.0, 1.0)
    one, vertex, other = ((x * column, y * row) for x, y in shape.points)
    turned = math.atan2(one[1] - vertex[1], one[0] - vertex[0]) - math.atan2(other[1] - vertex[1], other[0] - vertex[0])
    degrees = abs(math.degrees(turned)) % 360
    return Measurement(shape, min(degrees, 360 - degrees), "°")


def _region(shape: Shape, image: Greyscale) -> Measurement:
    """Over the pixels whose middles lie within."""
    inside = within(shape, image.raw.shape)
    steps = image.raw[inside].astype(np.float64)
    row, column = image.spacing or (1.0, 1.0)
    scale = {"in_mm": image.spacing is not None, "at_detector": image.spacing_at_detector}
    if not steps.size:
        return Measurement(shape, None, image.unit, None, 0.0, **scale)
    mean = float(steps.mean()) * image.slope + image.intercept
    spread = float(steps.std()) * abs(image.slope)
    return Measurement(shape, mean, image.unit, spread, float(steps.size * row * column), **scale)


def within(shape: Shape, size: Sequence[int]) -> Pixels:
    """(height, width): whether the middle of each pixel lies in the rectangle or ellipse."""
    (x0, y0), (x1, y1) = shape.points
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    half_x, half_y = max(abs(x1 - x0) / 2, 1e-9), max(abs(y1 - y0) / 2, 1e-9)
    across = np.abs(np.arange(size[1]) + 0.5 - centre_x)[np.newaxis, :] / half_x
    down = np.abs(np.arange(size[0]) + 0.5 - centre_y)[:, np.newaxis] / half_y
    inside: Pixels = across**2 + down**2 <= 1 if shape.kind == Kind.ELLIPSE else np.maximum(across, down) <= 1
    return inside
