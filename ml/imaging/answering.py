"""What the decoding helper answers to one request."""

from typing import IO, Any

import numpy as np

from ml.confinement.wire import write_message
from ml.imaging.decoding import decode, refusing
from ml.imaging.deidentification import Pseudonym, deidentify
from ml.imaging.greyscale import greyscale
from ml.imaging.identity import identify
from ml.imaging.image import DecodedImage
from ml.imaging.limits import Limits
from ml.imaging.preloading import missed
from ml.imaging.refusal import ImageRefused
from ml.imaging.rendering import shrunk
from ml.imaging.sniffing import sniff
from ml.imaging.stored import describe, stored_frame
from ml.imaging.wire import (
    fact_to_note,
    facts_to_note,
    greyscale_to_note,
    header_to_note,
    identity_to_note,
)

_NO_PIXELS = b""


def answer(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    """Write what the file `data` holds, or why it is refused, to `stream`."""
    try:
        _REPLIES[request["wanted"]](request, data, stream)
    except ImageRefused as refused:
        note = {"refused": [refused.code, refused.params], "missed": missed()}
        write_message(stream, note, b"")


def _identity(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    with refusing(sniff(data)):
        found = identify(data)
    write_message(stream, {"identity": identity_to_note(found), "missed": missed()}, _NO_PIXELS)


def _description(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    with refusing(sniff(data)):
        told = describe(data)
    write_message(stream, {"missed": missed()}, told)


def _frame(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    with refusing(sniff(data)):
        frame = stored_frame(data, Limits(**request["limits"]))
    write_message(stream, {"syntax": frame.syntax, "missed": missed()}, frame.data)


def _deidentified(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    stated = request["deidentify"]["pseudonym"]
    made = deidentify(data, Pseudonym.from_note(stated) if stated else None, Limits(**request["limits"]))
    note = {"suspicions": made.suspicions, "preview": made.greys.shape, "missed": missed()}
    write_message(stream, note, np.ascontiguousarray(made.greys).data, made.dicom)


def _greyscale(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    found = greyscale(data, limits=Limits(**request["limits"]))
    write_message(stream, {**greyscale_to_note(found), "missed": missed()}, found.raw.data)


def _picture(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    image = decode(data, limits=Limits(**request["limits"]))
    note, preview = _described(image), _NO_PIXELS
    if side := request["preview_side"]:
        drawn = shrunk(image.pixels, max_side=side)
        note["preview"], preview = drawn.shape, drawn.tobytes()
    pixels = image.pixels.data if request["pixels"] else _NO_PIXELS
    write_message(stream, note, preview, pixels)


def _described(image: DecodedImage) -> dict[str, Any]:
    return {
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "bits": image.bits,
        "header": header_to_note(image.header),
        "pixel_sha256": image.pixel_sha256,
        "not_classified": fact_to_note(image.not_classified),
        "facts": facts_to_note(image.facts),
        "taken_at": image.taken_at.isoformat() if image.taken_at else None,
        "missed": missed(),
    }


_REPLIES = {
    "identity": _identity,
    "description": _description,
    "frame": _frame,
    "deidentified": _deidentified,
    "greyscale": _greyscale,
    "picture": _picture,
}
