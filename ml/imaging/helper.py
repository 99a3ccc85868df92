"""The process in which strangers' files are decoded: `python -P -m ml.imaging.helper`.

It holds no secrets and no open files but its two pipes, can write no file, and has bounded
memory and CPU time; `Sandbox` starts, watches and replaces it.
"""

import os
import resource
import sys
from typing import IO, Any

import gdcm  # noqa: F401 - loaded before the first file waits for it
import openjpeg  # noqa: F401
import pydicom.pixels  # noqa: F401
from PIL import Image

from ml.imaging.decoding import decode
from ml.imaging.greyscale import greyscale
from ml.imaging.image import DecodedImage
from ml.imaging.limits import Limits
from ml.imaging.refusal import ImageRefused
from ml.imaging.rendering import render_png
from ml.imaging.wire import fact_to_note, facts_to_note, greyscale_to_note, header_to_note, read_message, write_message

_NO_PIXELS = b""


def confine(memory_bytes: int) -> None:
    """Bound address space; forbid written files and core dumps."""
    Image.init()
    for kind, bound in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (bound, bound))


def allow_seconds(seconds: float) -> None:
    """CPU time from now on; past it the kernel ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (bound, resource.RLIM_INFINITY))


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
    }


def answer(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    try:
        reply = _greyscale if request["greyscale"] else _picture
        reply(request, data, stream)
    except ImageRefused as refused:
        note = {"refused": [refused.code, refused.params]}
        write_message(stream, note, b"")


def _greyscale(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    found = greyscale(data, limits=Limits(**request["limits"]))
    write_message(stream, greyscale_to_note(found), found.raw.data)


def _picture(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    image = decode(data, limits=Limits(**request["limits"]))
    side = request["preview_side"]
    preview = render_png(image.pixels, max_side=side) if side else b""
    pixels = image.pixels.data if request["pixels"] else _NO_PIXELS
    write_message(stream, _described(image), preview, pixels)


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes under other numbers, so that a library that prints cannot disturb them."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    return incoming, outgoing


def main() -> None:
    memory_bytes, most_bytes = int(sys.argv[1]), int(sys.argv[2])
    incoming, outgoing = _own_pipes()
    confine(memory_bytes)
    write_message(outgoing, {"ready": True}, b"")
    while True:
        try:
            request, data, _ = read_message(incoming, most_bytes)
        except EOFError:  # the caller has finished
            return
        allow_seconds(request["seconds"])
        answer(request, data, outgoing)


if __name__ == "__main__":
    main()
