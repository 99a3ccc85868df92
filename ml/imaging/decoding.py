"""Bytes in, pixels or a refusal out."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ml.imaging.dicom import decode_dicom
from ml.imaging.image import DecodedImage
from ml.imaging.limits import DEFAULT_LIMITS, Limits
from ml.imaging.raster import decode_jpeg, decode_png
from ml.imaging.refusal import ImageRefused
from ml.imaging.sniffing import Format, sniff

logger = logging.getLogger(__name__)

_DECODERS: dict[Format, Callable[[bytes, Limits], DecodedImage]] = {
    "png": decode_png,
    "jpeg": decode_jpeg,
    "dicom": decode_dicom,
}


@contextmanager
def refusing(kind: Format) -> Iterator[None]:
    """Turn whatever a decoder raises into ImageRefused."""
    try:
        yield
    except ImageRefused:
        raise
    except MemoryError as error:
        raise ImageRefused("too-much-memory", variant=kind) from error
    except Exception as error:  # decoders fail in a hundred ways on hostile bytes
        logger.info("a %s could not be decoded", kind, exc_info=True)
        raise ImageRefused("damaged", variant=kind) from error


def decode(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> DecodedImage:
    """Pixels of a PNG, JPEG or DICOM file in memory.

    Raises ImageRefused and nothing else, whatever the bytes. A file from outside is first
    decoded in a `Sandbox`: this function bounds memory but cannot bound time.
    """
    limits.check_bytes(len(data))
    kind = sniff(data)
    with refusing(kind):
        return _DECODERS[kind](data, limits)
