"""Which kind of file the bytes are, by content alone; names and types are never asked."""

from collections.abc import Callable
from typing import Literal

from ml.imaging.refusal import ImageRefused

Format = Literal["png", "jpeg", "dicom"]

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"


def _at(offset: int, *magics: bytes) -> Callable[[bytes], bool]:
    return lambda data: any(data[offset : offset + len(m)] == m for m in magics)


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    return lambda data: data[4:8] == b"ftyp" and data[8:12] in brands


def _starts_with_markup(*openings: bytes) -> Callable[[bytes], bool]:
    def test(data: bytes) -> bool:
        start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        return start.startswith(openings)

    return test


def _nifti(data: bytes) -> bool:
    return data[344:347] in (b"n+1", b"ni1") or data[4:7] in (b"n+2", b"ni2")


def _plain_text(data: bytes) -> bool:
    sample = data[:4096]
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample)
    return control == 0


# Formats that people do upload. First match wins.
_OTHERS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("gif", _at(0, b"GIF87a", b"GIF89a")),
    ("webp", lambda d: d[:4] == b"RIFF" and d[8:12] == b"WEBP"),
    ("bmp", _at(0, b"BM")),
    ("tiff", _at(0, b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("heic", _brand(b"heic", b"heix", b"mif1", b"msf1", b"hevc")),
    ("avif", _brand(b"avif", b"avis")),
    ("jpeg-2000", _at(0, b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    ("jpeg-xl", _at(0, b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    ("video", lambda d: d[4:8] == b"ftyp" or d[:4] == b"\x1a\x45\xdf\xa3"),
    ("pdf", _at(0, b"%PDF")),
    ("zip", _at(0, b"PK\x03\x04", b"PK\x05\x06")),
    ("archive", _at(0, b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")),
    ("nifti", _nifti),
    ("nrrd", _at(0, b"NRRD000")),
    ("hdf5", _at(0, b"\x89HDF\r\n")),
    ("program", _at(0, b"MZ", b"\x7fELF")),
    ("html", _starts_with_markup(b"<!doctype html", b"<html", b"<script")),
    ("svg", _starts_with_markup(b"<?xml", b"<svg")),
    ("text", _plain_text),
)  # fmt: skip

# A DICOM file's first 128 bytes belong to nobody; TIFF there is an honest double use.
_ALLOWED_IN_PREAMBLE = frozenset({"tiff", "text"})


def _other(data: bytes) -> str | None:
    return next((name for name, test in _OTHERS if test(data)), None)


def _sniff_preamble(preamble: bytes) -> None:
    """Refuse a file that is DICOM to us and something else to a browser or a shell."""
    found = _other(preamble)
    is_picture = preamble.startswith((PNG, JPEG))
    if is_picture or (found and found not in _ALLOWED_IN_PREAMBLE):
        raise ImageRefused("two-formats-in-one")


def _looks_like_bare_dicom(data: bytes) -> bool:
    """Group 0002 or 0008, little endian, low element number: DICOM without its preamble."""
    return len(data) > 132 and data[:2] in (b"\x02\0", b"\x08\0") and data[3:4] == b"\0"


def sniff(data: bytes) -> Format:
    """Name the format of `data`, or raise ImageRefused saying what the file is instead.

    "dicom" for a file without the 'DICM' mark means that it may be one; decoding decides.
    """
    if not data:
        raise ImageRefused("empty")
    if data[128:132] == b"DICM":
        _sniff_preamble(data[:128])
        return "dicom"
    if data.startswith(PNG):
        return "png"
    if data.startswith(JPEG):
        return "jpeg"
    found = _other(data)
    if found:
        raise ImageRefused(f"is-{found}")
    if _looks_like_bare_dicom(data):
        return "dicom"
    raise ImageRefused("unknown-format")
