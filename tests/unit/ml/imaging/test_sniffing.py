import gzip
import zipfile
from io import BytesIO

import pytest
from PIL import Image

from ml.imaging import ImageRefused, sniff
from tests.unit.ml.imaging.samples import dicom, grey_jpeg, grey_png, ramp, refusal, saved


def zipped() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("scan.png", grey_png())
    return out.getvalue()


def as_format(kind: str) -> bytes:
    return saved(Image.fromarray(ramp()), kind)


NIFTI = (348).to_bytes(4, "little") + bytes(340) + b"n+1\0" + bytes(64)

REFUSED = [
    (b"", "empty"),
    (b"this is no image\n" * 20, "is-text"),
    ("größer als früher".encode("latin-1"), "is-text"),
    (b"\n <!DOCTYPE html><html><script>alert(1)</script>", "is-html"),
    (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "is-svg"),
    (b"%PDF-1.7\n%\xe2\xe3", "is-pdf"),
    (NIFTI, "is-nifti"),
    (gzip.compress(NIFTI, mtime=0), "is-archive"),
    (b"\0\0\0\x18ftypheic\0\0\0\0", "is-heic"),
    (b"\0\0\0\x18ftypisom\0\0\0\0", "is-video"),
    (b"\x7fELF\x02\x01\x01\0", "is-program"),
    (b"\x89HDF\r\n\x1a\n", "is-hdf5"),
    (bytes(5000), "unknown-format"),
    (b"\x08\0\x05\0" + bytes(300), "unknown-format"),
]


@pytest.mark.parametrize(("data", "code"), REFUSED)
def test_other_files_are_named_and_refused(data: bytes, code: str) -> None:
    assert refusal(data) == code


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "BMP", "TIFF"])
def test_other_pictures_are_named_and_refused(kind: str) -> None:
    assert refusal(as_format(kind)) == f"is-{kind.lower()}"


def test_an_archive_is_refused() -> None:
    assert refusal(zipped()) == "is-zip"


def test_the_sentence_says_what_to_do() -> None:
    with pytest.raises(ImageRefused, match=r"a PDF document.*export the image as PNG, JPEG or a single DICOM"):
        sniff(b"%PDF-1.7")


def test_accepted_formats_are_known_by_their_content() -> None:
    assert [sniff(data) for data in (grey_png(), grey_jpeg(), dicom())] == ["png", "jpeg", "dicom"]


@pytest.mark.parametrize("start", [b"MZ", b"%PDF-1.4", b"PK\x03\x04", b"<html>", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_a_preamble_of_another_format_is_refused(start: bytes) -> None:
    data = dicom()
    assert refusal(start + data[len(start) :]) == "two-formats-in-one"


def test_a_tiff_preamble_is_an_honest_double_use() -> None:
    assert refusal(b"II*\0" + dicom()[4:]) == ""


def test_dicom_without_preamble_is_read() -> None:
    assert refusal(dicom()[128 + 4 :]) == ""
