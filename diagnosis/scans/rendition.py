"""Pictures that a browser shows, derived from the original and kept beside it; deleting them loses nothing."""

from __future__ import annotations

import os
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
from django.conf import settings
from PIL import Image

from diagnosis.models import Scan
from diagnosis.scans import intake
from ml import imaging

FULL, THUMBNAIL = 2048, 256
SIDES = (FULL, 1024, 512, THUMBNAIL)
# Part of the file's name and its ETag: raise it when the same original would give other pixels.
RECIPE = 2


def rendition(scan: Scan, side: int) -> bytes:
    """An 8-bit grey PNG whose longer side is at most `side` (one of SIDES) pixels.

    Raises FileRefused when the original can no longer be decoded, IntakeUnavailable when no helper starts, and OSError
    when it cannot be read.
    """
    path = _path(scan, side)
    if path.exists():
        return path.read_bytes()
    data = _decoded(scan) if side == FULL else _shrunk(rendition(scan, FULL), side)
    keep(path, data)
    return data


def etag(scan: Scan, side: int) -> str:
    return f'"{scan.sha256[:20]}-{side}-{RECIPE}"'


def _path(scan: Scan, side: int) -> Path:
    return Path(settings.PRIVATE_ROOT, "renditions", scan.pk.hex[:2], f"{scan.pk.hex}-{side}-{RECIPE}.png")


def _decoded(scan: Scan) -> bytes:
    """Decoded in the sandbox, like every file that came from outside."""
    with scan.original.open("rb") as file:
        data = file.read()
    with intake.decoding() as decoder:
        preview = decoder.inspect(data, preview_side=FULL, owner=str(scan.patient_id)).preview
    assert preview is not None
    return preview


def _shrunk(png: bytes, side: int) -> bytes:
    with Image.open(BytesIO(png), formats=["PNG"]) as picture:
        pixels = np.asarray(picture, dtype=np.float32) / np.float32(255)
    return imaging.render_png(pixels, max_side=side)


def keep(path: Path, data: bytes) -> None:
    """Appears whole or not at all: two requests may make the same one at once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
