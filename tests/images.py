"""Files to upload: synthetic phantoms, small enough to be quick, and things that are no images."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image

from ml.imaging import render_png
from ml.imaging.phantom import chest_xray, phantom_dicom

SIDE = 256
NAMELESS = {"patient_name": "", "patient_id": ""}


@cache
def xray_png(seed: int = 0) -> bytes:
    return render_png(chest_xray(SIDE, SIDE, seed=seed))


@cache
def xray_jpeg(seed: int = 0) -> bytes:
    out = BytesIO()
    Image.open(BytesIO(xray_png(seed))).save(out, "JPEG", quality=95)
    return out.getvalue()


def xray_dicom(**header: Any) -> bytes:
    """An X-ray whose header names nobody, unless told otherwise."""
    return phantom_dicom("DX", side=SIDE, **{**NAMELESS, **header})


def ct_dicom(**header: Any) -> bytes:
    return phantom_dicom("CT", side=SIDE, **{**NAMELESS, **header})


NO_IMAGE = b"These are the minutes of a meeting, renamed to .png.\n" * 20
