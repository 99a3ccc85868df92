"""Reads the viewer's format by its description alone, apart from the code that writes it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np


def unpacked(data: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """Header and raw values, (height, width)."""
    body = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    assert body[:4] == b"GREY"
    length = int.from_bytes(body[4:8], "little")
    header = json.loads(body[8 : 8 + length])
    planes = np.frombuffer(body[8 + length :], np.uint8).astype(np.int64)
    count = header["width"] * header["height"]
    codes = (planes[:count] << 8) + planes[count:] if header["bytes"] == 2 else planes
    differences = np.where(codes % 2, -(codes + 1) // 2, codes // 2).reshape(header["height"], header["width"])
    differences[:, 0] = np.cumsum(differences[:, 0])
    values = np.cumsum(differences, axis=1) % (1 << 8 * header["bytes"])
    kind = np.dtype(f"u{header['bytes']}")
    return header, values.astype(kind).view(f"i{kind.itemsize}" if header["signed"] else kind)
