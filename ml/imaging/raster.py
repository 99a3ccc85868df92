"""PNG and JPEG files into grey pixels."""

from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.imaging.codestream import read_jpeg_header
from ml.imaging.colours import is_coloured, is_tinted
from ml.imaging.deep_colour import deep_grey
from ml.imaging.facts import Fact, not_classified
from ml.imaging.image import DecodedImage, Pixels, refuse_blank
from ml.imaging.limits import Limits
from ml.imaging.photographs import looks_photographed
from ml.imaging.png import essential_png
from ml.imaging.refusal import ImageRefused
from ml.imaging.visible import is_spread, sample
from ml.imaging.windowing import Window, own_window

# Share of pixels that may be see-through (rounded corners of a screenshot, antialiasing).
HIDDEN_SHARE = 0.05

_GREY_MODES = frozenset({"L", "LA", "I;16", "I;16B", "I;16L"})
_COLOUR_MODES = frozenset({"RGB", "RGBA", "P", "PA"})
_EXIF_ORIENTATION = 0x0112
_EXIF_IFD, _EXIF_DATE_TIME_ORIGINAL = 0x8769, 0x9003
# What a lens, a shutter and a sensor leave behind (Exif 2.32, section 4.6.5): ExposureTime, FNumber, the sensitivity,
# ShutterSpeedValue, ApertureValue, FocalLength. Programs that export images, and most scanners of films, write none.
_EXIF_OF_CAMERA = frozenset({0x829A, 0x829D, 0x8827, 0x9201, 0x9202, 0x920A})

_DEPTHS = range(8, 17)
_AS_STORED = Window(0.5, 1.0, "LINEAR_EXACT")


def _scale_16_bit(stored: npt.NDArray[np.uint16]) -> tuple[Pixels, int]:
    """Divide by the fewest whole bits (8 to 16) that hold the brightest pixel.

    16-bit PNGs exported from scanners often carry 10, 12 or 14 bits; divided by 65535 they
    would be nearly black. Whole bits keep the picture's own brightness otherwise.
    """
    brightest = int(stored.max())
    bits = next(depth for depth in _DEPTHS if brightest < 1 << depth)
    return np.divide(stored, (1 << bits) - 1, dtype=np.float32), bits


def _over_black(grey: Pixels, alpha: npt.NDArray[np.uint8]) -> Pixels:
    if alpha.min() == 255:
        return grey
    if np.mean(alpha < 250) > HIDDEN_SHARE:
        raise ImageRefused("transparent")
    return grey * (alpha.astype(np.float32) / np.float32(255))


def _unit(grey: npt.NDArray[np.uint8]) -> Pixels:
    return np.divide(grey, 255, dtype=np.float32)


def _grey_of_colour(picture: Image.Image) -> Pixels:
    see_through = picture.mode in ("RGBA", "PA") or "transparency" in picture.info
    has_exif = _has_exif_of_camera(picture)
    picture = picture.convert("RGBA" if see_through else "RGB")
    if is_coloured(np.asarray(picture)):
        raise ImageRefused("colour", variant="photograph" if has_exif else "picture")
    grey = _unit(np.asarray(picture.convert("L")))
    if not see_through:
        return grey
    return _over_black(grey, np.asarray(picture.getchannel("A")))


def _grey(picture: Image.Image) -> tuple[Pixels, int]:
    """Pixels in [0, 1] and the bits that they were stored in."""
    if picture.mode.startswith("I;16"):
        return _scale_16_bit(np.asarray(picture).astype(np.uint16))
    if picture.mode == "L" and "transparency" not in picture.info:
        return _unit(np.asarray(picture)), 8
    if picture.mode in ("L", "LA"):
        layered = picture.convert("LA")
        grey = _unit(np.asarray(layered.getchannel("L")))
        return _over_black(grey, np.asarray(layered.getchannel("A"))), 8
    return _grey_of_colour(picture), 8


def _check_mode(mode: str) -> None:
    if mode in _GREY_MODES | _COLOUR_MODES:
        return
    if mode == "CMYK":
        raise ImageRefused("cmyk")
    if mode == "1":
        raise ImageRefused("black-and-white")
    raise ImageRefused("pixel-type", variant="picture")


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 to 8; anything else counts as upright."""
    try:
        stated = picture.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:
        return 1
    return stated if isinstance(stated, int) and 1 <= stated <= 8 else 1


def _taken_at(picture: Image.Image) -> datetime | None:
    """EXIF DateTimeOriginal (Exif 2.32, section 4.6.5), without zone; None where there is none that is a date."""
    try:
        stated = picture.getexif().get_ifd(_EXIF_IFD).get(_EXIF_DATE_TIME_ORIGINAL)
        return datetime.strptime(str(stated).strip("\0 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  # without zone
    except Exception:
        return None


def _is_by_camera(picture: Image.Image) -> bool:
    """By what stands in the file beside the greys."""
    return _has_exif_of_camera(picture) or (
        picture.mode in _COLOUR_MODES and is_tinted(np.asarray(picture.convert("RGB")))
    )


def _has_exif_of_camera(picture: Image.Image) -> bool:
    try:
        return not _EXIF_OF_CAMERA.isdisjoint(picture.getexif().get_ifd(_EXIF_IFD))
    except Exception:
        return False


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (Exif 2.32, section 4.6.4)."""
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """`grey` float32 (h, w) in [0, 1] as stored, in `bits`; `shown_by` makes of it what is seen."""

    grey: Pixels
    bits: int
    shown_by: Window
    facts: tuple[Fact, ...] = ()
    taken_at: datetime | None = None
    by_camera: bool = False


def open_picture(data: bytes, kind: Literal["png", "jpeg"], limits: Limits) -> Picture:
    """Raises ImageRefused, and whatever Pillow raises."""
    data = _checked(data, kind, limits)
    with Image.open(BytesIO(data), formats=(kind.upper(),)) as picture:
        limits.check_size(*picture.size)
        _check_mode(picture.mode)
        picture.load()
        grey, bits = _deep_grey(picture, data) or _grey(picture)
        grey = _upright(grey, _orientation(picture))
        taken_at, by_camera = _taken_at(picture), _is_by_camera(picture)
    refuse_blank(grey)
    return replace(_shown(grey, bits), taken_at=taken_at, by_camera=by_camera)


def _checked(data: bytes, kind: Literal["png", "jpeg"], limits: Limits) -> bytes:
    if kind == "png":
        return essential_png(data, limits)
    stated = read_jpeg_header(data)
    limits.check_size(stated.columns, stated.rows)
    return data


def _deep_grey(picture: Image.Image, data: bytes) -> tuple[Pixels, int] | None:
    if picture.format != "PNG" or picture.mode not in ("RGB", "RGBA"):
        return None
    upper = np.asarray(picture)
    deep = deep_grey(data, upper)
    if deep is None:
        return None
    grey, bits = _scale_16_bit(deep)
    return (_over_black(grey, upper[..., 3]) if picture.mode == "RGBA" else grey), bits


def _shown(grey: Pixels, bits: int) -> Picture:
    """As it is stored, unless that is so dark or flat that nothing could be seen."""
    if is_spread(sample(grey)):
        return Picture(grey, bits, _AS_STORED)
    own = own_window(grey)
    if not is_spread(own.apply(sample(grey))):
        raise ImageRefused("no-greys")
    return Picture(grey, bits, own, (Fact("own_range", {"variant": "picture"}),))


def _decode(data: bytes, kind: Literal["png", "jpeg"], limits: Limits) -> DecodedImage:
    picture = open_picture(data, kind, limits)
    pixels = picture.grey if picture.shown_by is _AS_STORED else picture.shown_by.apply(picture.grey)
    is_photograph = picture.by_camera or looks_photographed(pixels)
    return DecodedImage(
        pixels=pixels,
        format=kind,
        bits=picture.bits,
        not_classified=not_classified("photograph") if is_photograph else None,
        facts=picture.facts,
        taken_at=picture.taken_at,
    )


def decode_png(data: bytes, limits: Limits) -> DecodedImage:
    return _decode(data, "png", limits)


def decode_jpeg(data: bytes, limits: Limits) -> DecodedImage:
    return _decode(data, "jpeg", limits)
