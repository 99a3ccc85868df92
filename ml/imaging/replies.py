"""Reading what a process said that may have been taken over by the file that it decoded: nothing of it is believed."""

import json
import logging
import re
from collections.abc import Container, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.imaging.frame import DECODERS
from ml.imaging.limits import Limits
from ml.imaging.refusal import ImageRefused
from ml.imaging.wire import fact_from_note, facts_from_note, header_from_note

logger = logging.getLogger(__name__)

_FORMATS = frozenset({"png", "jpeg", "dicom"})
_DEPTHS = range(1, 33)
_TAG = re.compile(r"[0-9A-F]{8}")
_NONSENSE = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


@contextmanager
def unbelieving(note: dict[str, Any]) -> Iterator[None]:
    """Raise ImageRefused for a refusal, and also where the block finds something that no helper of ours says."""
    try:
        if "refused" in note:
            code, params = note["refused"]
            raise ImageRefused(code, **params)
        yield
    except _NONSENSE as error:
        logger.warning("a process that decoded a file answered nonsense", exc_info=True)
        raise ImageRefused("decoder-crashed") from error


def described_by(note: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The description with every value read as what it should be. Raises what `unbelieving` catches."""
    width, height = int(note["width"]), int(note["height"])
    if min(width, height) < 1 or width * height > limits.max_pixels:
        raise ValueError("no helper of ours decodes that")
    return {
        "format": _one_of(_FORMATS, note["format"]),
        "width": width,
        "height": height,
        "bits": _one_of(_DEPTHS, note["bits"]),
        "header": header_from_note(note["header"]),
        "pixel_sha256": bytes.fromhex(note["pixel_sha256"]).hex()[:64],
        "not_classified": fact_from_note(note["not_classified"]),
        "facts": facts_from_note(note["facts"]),
        "taken_at": datetime.fromisoformat(note["taken_at"]) if note["taken_at"] else None,
    }


def greys_by(note: dict[str, Any], raw: bytes) -> npt.NDArray[np.uint8]:
    """The drawn picture, (height, width). Raises what `unbelieving` catches."""
    height, width = note["preview"]
    return np.frombuffer(raw, np.uint8).reshape(int(height), int(width))


def elements_by(raw: bytes) -> dict[str, Any]:
    """The DICOM JSON of a header, as trustworthy as the file itself. Raises what `unbelieving` catches."""
    told = json.loads(raw)
    if not isinstance(told, dict) or not all(map(_TAG.fullmatch, told)) or not all(map(_is_element, told.values())):
        raise ValueError("no helper of ours says that")
    return told


def syntax_by(note: dict[str, Any]) -> str:
    """One that is admitted. Raises what `unbelieving` catches."""
    return str(_one_of(DECODERS, note["syntax"]))


def _is_element(told: Any) -> bool:
    if not isinstance(told, dict) or not told.keys() <= {"vr", "Value"}:
        return False
    return isinstance(told.get("vr"), str) and isinstance(told.get("Value", []), list)


def _one_of(known: Container[Any], value: Any) -> Any:
    if value not in known:
        raise ValueError("no helper of ours says that")
    return value
