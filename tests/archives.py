"""Zip archives to upload, good ones and such as nobody means well with."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO

from tests.images import NO_IMAGE


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def disc(*images: bytes) -> bytes:
    """A patient's disc: an index, images in a folder, a viewer and its papers."""
    return packed(
        ("DICOMDIR", dicomdir()),
        *((f"IMAGES/SER001/IM{number:04}", image) for number, image in enumerate(images, 1)),
        ("README.TXT", NO_IMAGE),
        ("VIEWER/VIEWER.EXE", b"MZ" + bytes(2000)),
        ("__MACOSX/._README.TXT", bytes(100)),
    )


def dicomdir() -> bytes:
    """The beginning of a DICOM directory, as far as its storage class."""
    return bytes(128) + b"DICM\x02\0\x02\0UI\x14\x001.2.840.10008.1.3.10" + bytes(200)


def forged(archive: bytes, name: bytes, *, offset: int, layout: str, value: int) -> bytes:
    """`archive` with one number changed in the index entry of `name`; `offset` as in the specification, 4.3.12."""
    entry = archive.rindex(name) - 46
    assert archive[entry : entry + 4] == b"PK\x01\x02"
    written = bytearray(archive)
    struct.pack_into(layout, written, entry + offset, value)
    return bytes(written)


def locked(archive: bytes, name: bytes) -> bytes:
    """As an archive with a password looks."""
    return forged(archive, name, offset=8, layout="<H", value=1)


def with_size(archive: bytes, name: bytes, size: int) -> bytes:
    """One whose index says that a file unfolds to `size` bytes."""
    return forged(archive, name, offset=24, layout="<L", value=size)
