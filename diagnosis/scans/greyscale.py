"""The measured values of a scan as the viewer fetches them: lossless, small, made once and kept beside the renditions.

A gzip stream (it travels with `Content-Encoding: gzip`) of

    4 bytes   "GREY"
    4 bytes   length of the header, unsigned, little endian
    header    JSON, UTF-8: what `header` below returns; nothing from the file that names a person
    planes    for each pixel the difference to its left neighbour (in the first column: to the pixel above; for the very
              first: to 0), modulo 2**(8 * bytes), folded (0, -1, 1, -2 … become 0, 1, 2, 3 …) so that small differences
              have small codes; of all pixels first the high bytes (where `bytes` is 2), then the low bytes

docs/adr/0700-greyscale-endpoint.md has the measurements behind this form.
"""

from __future__ import annotations

import gzip
import json
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from diagnosis.models import Scan
from diagnosis.scans import intake
from diagnosis.scans.rendition import keep
from ml.imaging.greyscale import Greyscale

MAGIC = b"GREY"
# Part of the file's name and its ETag: raise it when the same original would give other bytes.
RECIPE = 3
# Higher levels take four times as long and save three per cent.
COMPRESS_LEVEL = 1


def greyscale(scan: Scan) -> bytes:
    """The gzip stream described above.

    Raises FileRefused when the original can no longer be decoded, IntakeUnavailable when no helper starts, and OSError
    when the original cannot be read.
    """
    path = _path(scan)
    if path.exists():
        return path.read_bytes()
    data = packed(measured(scan))
    keep(path, data)
    return data


def etag(scan: Scan) -> str:
    return f'"{scan.sha256[:20]}-grey-{RECIPE}"'


def _path(scan: Scan) -> Path:
    return Path(settings.PRIVATE_ROOT, "renditions", scan.pk.hex[:2], f"{scan.pk.hex}-grey-{RECIPE}.gz")


def measured(scan: Scan) -> Greyscale:
    """The values themselves, decoded in the sandbox like every file that came from outside. Raises as `greyscale`."""
    with scan.original.open("rb") as file:
        data = file.read()
    with intake.decoding() as decoder:
        return decoder.greyscale(data, owner=str(scan.patient_id))


def packed(found: Greyscale) -> bytes:
    text = json.dumps(header(found), separators=(",", ":")).encode()
    body = MAGIC + struct.pack("<I", len(text)) + text + _planes(found.raw)
    return gzip.compress(body, COMPRESS_LEVEL, mtime=0)


def header(found: Greyscale) -> dict[str, Any]:
    """Sizes in pixels; `low` and `high` are the raw values that occur; `tone` is that of ml.imaging.tone.

    `facts` are what should be said beside the picture: codes and parameters of ml.imaging.facts.
    """
    raw, spacing = found.raw, found.spacing
    return {
        "width": int(raw.shape[1]),
        "height": int(raw.shape[0]),
        "bytes": raw.dtype.itemsize,
        "signed": raw.dtype.kind == "i",
        "bits": found.bits,
        "low": int(raw.min()),
        "high": int(raw.max()),
        "slope": found.slope,
        "intercept": found.intercept,
        "unit": found.unit,
        "tone": asdict(found.tone),
        "spacing": spacing and {"row": spacing[0], "column": spacing[1], "at_detector": found.spacing_at_detector},
        "facts": [asdict(fact) for fact in found.facts],
    }


def _planes(raw: npt.NDArray[np.integer]) -> bytes:
    codes = _folded(_differences(raw))
    if codes.dtype.itemsize == 1:
        return codes.tobytes()
    return (codes >> 8).astype(np.uint8).tobytes() + (codes & 255).astype(np.uint8).tobytes()


def _differences(raw: npt.NDArray[np.integer]) -> npt.NDArray[np.signedinteger]:
    """To the left neighbour, in the first column to the pixel above; wrapped around, so that it fits its own type."""
    signed = raw.view(f"i{raw.dtype.itemsize}")
    found = signed.copy()
    found[:, 1:] -= signed[:, :-1]
    found[1:, 0] -= signed[:-1, 0]
    return found


def _folded(difference: npt.NDArray[np.signedinteger]) -> npt.NDArray[np.unsignedinteger]:
    """0, -1, 1, -2 … become 0, 1, 2, 3 …"""
    size = difference.dtype.itemsize
    return ((difference << 1) ^ (difference >> (8 * size - 1))).view(f"u{size}")
