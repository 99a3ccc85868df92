"""A key image as a picture: through the reader's window, with what was measured drawn and numbered on it."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from diagnosis.scans.measuring import Kind, Point, Shape
from ml.imaging.greyscale import Greyscale

LINE, EDGE = (255, 211, 77), (0, 0, 0)
# Parts of the picture's longer side.
THICKNESS, LETTER = 1 / 400, 1 / 32
Pixels = npt.NDArray[np.uint8]


def marked_picture(
    image: Greyscale, *, window: tuple[float, float] | None, inverted: bool, shapes: Sequence[Shape], side: int
) -> bytes:
    """An RGB PNG whose longer side is `side` pixels, in the true shape of the image where its pixels are not square.

    `window` is (centre, width) in the image's meaningful values; None: as the file asks to be shown.
    """
    picture = Image.fromarray(_windowed(image, window, inverted)).convert("RGB")
    width, height = _size(image, side)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    scale = (width / image.raw.shape[1], height / image.raw.shape[0])
    for number, shape in enumerate(shapes, 1):
        _draw(
            ImageDraw.Draw(picture), [(x * scale[0], y * scale[1]) for x, y in shape.points], shape.kind, number, side
        )
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _windowed(image: Greyscale, window: tuple[float, float] | None, inverted: bool) -> Pixels:
    """As static/js/viewer/window.js paints it: straight or along the file's own curve."""
    centre, width = window or (image.tone.centre, image.tone.width)
    values = image.raw.astype(np.float32) * np.float32(image.slope) + np.float32(image.intercept)
    part = (values - centre) / max(width, 1e-6)
    grey = _bent(part, image.tone.curve, image.tone.span) if image.tone.curve else part + 0.5
    pixels = np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)
    return 255 - pixels if inverted else pixels


def _bent(part: npt.NDArray[np.floating], curve: Sequence[int], span: float) -> npt.NDArray[np.floating]:
    places = np.linspace(-0.5, 0.5, len(curve))
    return np.interp(part / span, places, np.asarray(curve) / 65535)


def _size(image: Greyscale, side: int) -> tuple[int, int]:
    height, width = image.raw.shape
    if image.spacing:
        height = height * image.spacing[0] / image.spacing[1]
    factor = side / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _draw(on: ImageDraw.ImageDraw, points: list[Point], kind: Kind, number: int, side: int) -> None:
    """Bright on a dark edge: seen on bone as on air."""
    thin = max(1, round(side * THICKNESS))
    for colour, width in ((EDGE, 3 * thin), (LINE, thin)):
        if kind in (Kind.LENGTH, Kind.ANGLE):
            on.line(points, fill=colour, width=width)
        else:
            box = _box(points)
            (on.ellipse if kind == Kind.ELLIPSE else on.rectangle)(box, outline=colour, width=width)
    font = ImageFont.load_default(side * LETTER)
    at = (points[1][0] + 3 * thin, points[1][1] + 3 * thin)
    on.text(at, str(number), fill=LINE, font=font, stroke_width=2 * thin, stroke_fill=EDGE)


def _box(points: list[Point]) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = points
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
