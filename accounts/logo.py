"""A clinic's logo as it is printed: a small PNG, drawn anew, so that nothing but its picture is kept of a file."""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from PIL import Image

LARGEST_FILE = 2 * 1024 * 1024
# More pixels than any printer shows of a logo; decided from the header, before anything is decoded.
LARGEST_SIDE = 4000
# Sharp at 300 dots an inch in a box of 50 mm by 18 mm.
PRINTED = (600, 220)


def read_logo(file: BinaryIO, size: int) -> bytes:
    """The picture in `file`, of `size` bytes, as PNG of at most 600 x 220 pixels.

    Raises ValidationError for what is no PNG or JPEG, is larger than 2 MB or than 4000 pixels a side.
    """
    if size > LARGEST_FILE:
        raise ValidationError(_("A logo may have up to 2 MB."), code="too_large")
    try:
        with Image.open(file, formats=("PNG", "JPEG")) as picture:
            return _drawn(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValidationError(_("A logo must be a PNG or JPEG picture."), code="no_picture") from error


def _drawn(picture: Image.Image) -> bytes:
    if max(picture.size) > LARGEST_SIDE:
        raise ValidationError(_("A logo may have up to 4000 pixels on each side."), code="too_large")
    drawn = picture.convert("RGBA")
    drawn.thumbnail(PRINTED)
    file = BytesIO()
    drawn.save(file, "PNG")
    return file.getvalue()
