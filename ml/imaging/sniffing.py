"""Which kind of file the bytes are, by content alone; names and types are never asked."""

from collections.abc import Callable
from typing import Literal

from ml.imaging.refusal import ImageRefused

Format = Literal["png", "jpeg", "dicom"]

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
_DO = "export the image as PNG, JPEG or a single DICOM file."


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


# Formats that people do upload, each with what to call it. First match wins.
_OTHERS: tuple[tuple[str, str, Callable[[bytes], bool]], ...] = (
    ("gif", "a GIF picture", _at(0, b"GIF87a", b"GIF89a")),
    ("webp", "a WebP picture", lambda d: d[:4] == b"RIFF" and d[8:12] == b"WEBP"),
    ("bmp", "a BMP picture", _at(0, b"BM")),
    ("tiff", "a TIFF picture", _at(0, b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("heic", "a HEIC photograph", _brand(b"heic", b"heix", b"mif1", b"msf1", b"hevc")),
    ("avif", "an AVIF picture", _brand(b"avif", b"avis")),
    ("jpeg-2000", "a bare JPEG 2000 picture", _at(0, b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    ("jpeg-xl", "a JPEG XL picture", _at(0, b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    ("video", "a video", lambda d: d[4:8] == b"ftyp" or d[:4] == b"\x1a\x45\xdf\xa3"),
    ("pdf", "a PDF document", _at(0, b"%PDF")),
    ("zip", "a ZIP archive or Office document", _at(0, b"PK\x03\x04", b"PK\x05\x06")),
    ("archive", "a compressed archive", _at(0, b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")),
    ("nifti", "a NIfTI volume", _nifti),
    ("nrrd", "an NRRD volume", _at(0, b"NRRD000")),
    ("hdf5", "an HDF5 file", _at(0, b"\x89HDF\r\n")),
    ("program", "a program", _at(0, b"MZ", b"\x7fELF")),
    ("html", "a web page", _starts_with_markup(b"<!doctype html", b"<html", b"<script")),
    ("svg", "an XML or SVG document", _starts_with_markup(b"<?xml", b"<svg")),
    ("text", "a text file", _plain_text),
)  # fmt: skip

# A DICOM file's first 128 bytes belong to nobody; TIFF there is an honest double use.
_ALLOWED_IN_PREAMBLE = frozenset({"tiff", "text"})


def _other(data: bytes) -> tuple[str, str] | None:
    for code, name, test in _OTHERS:
        if test(data):
            return code, name
    return None


def _sniff_preamble(preamble: bytes) -> None:
    """Refuse a file that is DICOM to us and something else to a browser or a shell."""
    found = _other(preamble)
    is_picture = preamble.startswith((PNG, JPEG))
    if is_picture or (found and found[0] not in _ALLOWED_IN_PREAMBLE):
        raise ImageRefused(
            "two-formats-in-one",
            "This file is DICOM and another kind of file at the same time, which is unsafe; "
            "export the image again from the system it came from.",
        )


def _looks_like_bare_dicom(data: bytes) -> bool:
    """Group 0002 or 0008, little endian, low element number: DICOM without its preamble."""
    return len(data) > 132 and data[:2] in (b"\x02\0", b"\x08\0") and data[3:4] == b"\0"


def sniff(data: bytes) -> Format:
    """Name the format of `data`, or raise ImageRefused saying what the file is instead.

    "dicom" for a file without the 'DICM' mark means that it may be one; decoding decides.
    """
    if not data:
        raise ImageRefused("empty", "This file is empty; choose it again or export it once more.")
    if data[128:132] == b"DICM":
        _sniff_preamble(data[:128])
        return "dicom"
    if data.startswith(PNG):
        return "png"
    if data.startswith(JPEG):
        return "jpeg"
    found = _other(data)
    if found:
        raise ImageRefused(f"is-{found[0]}", f"This file is {found[1]}, not a chest image; {_DO}")
    if _looks_like_bare_dicom(data):
        return "dicom"
    raise ImageRefused("unknown-format", f"This file is of no kind that is read here; {_DO}")
