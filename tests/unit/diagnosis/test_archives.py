"""An archive may be made by anybody: what each guard turns away, and what is taken out all the same."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from diagnosis.errors import FileRefused, FileTooLarge, Refusal
from diagnosis.scans.archives import Archive, ArchiveRefused, ArchiveTooLarge, is_archive, shown
from tests.archives import dicomdir, disc, forged, locked, packed, with_size
from tests.images import NO_IMAGE, xray_dicom, xray_png


def opened(data: bytes) -> Archive:
    return Archive(BytesIO(data), size=len(data))


def outcome(read: Callable[[], bytes]) -> bytes | str:
    try:
        return read()
    except Refusal as refusal:
        return refusal.code if refusal.sentence.endswith(".") else refusal.sentence


def outcomes(data: bytes) -> dict[str, bytes | str]:
    return {member.path: outcome(member.read) for member in opened(data)}


def test_images_come_out_as_they_were_packed_and_the_rest_of_a_disc_is_left_out() -> None:
    assert outcomes(disc(xray_dicom(), xray_png())) == {
        "DICOMDIR": "disc_index",
        "IMAGES/SER001/IM0001": xray_dicom(),
        "IMAGES/SER001/IM0002": xray_png(),
        "README.TXT": "left_out",
        "VIEWER/VIEWER.EXE": "left_out",
        "__MACOSX/._README.TXT": "left_out",
    }


def test_folders_are_no_files() -> None:
    assert len(opened(packed(("a/", b""), ("a/b.png", xray_png())))) == 1


def test_an_archive_is_known_by_its_content() -> None:
    assert is_archive(BytesIO(packed(("a", b"b"))))
    assert is_archive(BytesIO(packed()))
    assert not is_archive(BytesIO(xray_png()))
    assert not is_archive(BytesIO(b""))


def test_a_larger_archive_than_is_accepted(settings: Any) -> None:
    data = packed(("a.png", xray_png()))
    settings.UPLOAD_MAX_ARCHIVE_BYTES = len(data)
    assert len(opened(data)) == 1
    settings.UPLOAD_MAX_ARCHIVE_BYTES = len(data) - 1
    with pytest.raises(ArchiveTooLarge, match="larger than") as refused:
        opened(data)
    assert refused.value.code == "archive_too_large"


def test_more_entries_than_are_accepted(settings: Any) -> None:
    data = packed(*((f"{number}.txt", b"") for number in range(5)))
    settings.UPLOAD_MAX_ARCHIVE_ENTRIES = 5
    assert len(opened(data)) == 5
    settings.UPLOAD_MAX_ARCHIVE_ENTRIES = 4
    with pytest.raises(ArchiveTooLarge, match="more than the 4 files"):
        opened(data)


def test_an_index_larger_than_that_of_the_most_entries_is_never_read(settings: Any) -> None:
    """Entries are counted once the index is read; a million of them would fill the memory before."""
    data = packed(*((f"{number:08}.txt", b"") for number in range(60_000)))
    settings.UPLOAD_MAX_ARCHIVE_ENTRIES = 100
    tracemalloc.start()
    with pytest.raises(ArchiveTooLarge, match="more than the 100 files"):
        opened(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_more_bytes_unpacked_than_are_accepted(settings: Any) -> None:
    data = packed(("a.dcm", xray_dicom()), ("b.dcm", xray_dicom(seed=1)))
    settings.UPLOAD_MAX_UNPACKED_BYTES = len(xray_dicom()) + len(xray_dicom(seed=1))
    assert len(opened(data)) == 2
    settings.UPLOAD_MAX_UNPACKED_BYTES -= 1
    with pytest.raises(ArchiveTooLarge, match="unpacks to more"):
        opened(data)


def test_a_bomb(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1_000_000
    data = packed(*((f"{number}.dcm", bytes(900_000)) for number in range(10)))
    with pytest.raises(ArchiveRefused, match="hundred times") as refused:
        opened(data)
    assert refused.value.code == "archive_suspicious"


def test_empty_slices_are_no_bomb(settings: Any) -> None:
    """Nothing but zeros unfolds a thousandfold, and is harmless as long as it is small."""
    data = packed(("a.dcm", bytes(900_000)))
    assert len(opened(data)) == 1


def test_a_member_gives_no_more_than_its_entry_states(settings: Any) -> None:
    """An index that lies passes the guards on what it states, so what it states must hold."""
    small = with_size(packed(("a.dcm", xray_dicom()[:2000] + bytes(50_000_000))), b"a.dcm", 10_000)
    [member] = opened(small)
    tracemalloc.start()
    assert outcome(member.read) == "archive_member_damaged"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_a_member_larger_than_a_file_may_be(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = len(xray_dicom()) - 1
    [member] = opened(packed(("a.dcm", xray_dicom())))
    with pytest.raises(FileTooLarge):
        member.read()


def test_a_large_program_is_left_out_for_what_it_is_and_not_for_its_size(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    assert outcomes(packed(("VIEWER.EXE", b"MZ" + bytes(5000)))) == {"VIEWER.EXE": "left_out"}


def test_one_bad_member_does_not_stop_the_others() -> None:
    good = xray_dicom()
    data = packed(
        ("locked.dcm", xray_dicom(seed=1)),
        ("broken.dcm", xray_dicom(seed=2)),
        ("inner.zip", packed(("a", b"b"))),
        ("inner.tar.gz", b"\x1f\x8b" + bytes(200)),
        ("film.mp4", b"\0\0\0\x20ftypisom" + bytes(200)),
        ("good.dcm", good),
    )
    data = locked(data, b"locked.dcm")
    data = forged(data, b"broken.dcm", offset=16, layout="<L", value=1)  # its checksum
    assert outcomes(data) == {
        "locked.dcm": "archive_encrypted",
        "broken.dcm": "archive_member_damaged",
        "inner.zip": "archive_nested",
        "inner.tar.gz": "archive_nested",
        "film.mp4": "is_video",
        "good.dcm": good,
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_whose_steps_cannot_be_bounded_are_not_read(method: int) -> None:
    assert outcomes(packed(("a.dcm", xray_dicom()), method=method)) == {"a.dcm": "archive_method"}


def test_an_entry_that_lies_before_the_file_is_damaged(tmp_path: Path) -> None:
    data = packed(("a.dcm", xray_dicom()))
    end = data.rindex(b"PK\x05\x06")
    moved = bytearray(data)
    moved[end + 16 : end + 20] = (int.from_bytes(data[end + 16 : end + 20], "little") + 100).to_bytes(4, "little")
    path = tmp_path / "moved.zip"
    path.write_bytes(moved)
    with path.open("rb") as file:
        [member] = Archive(file, size=len(moved))
        assert outcome(member.read) == "archive_member_damaged"


@pytest.mark.parametrize("cut", [10, 100, -1, -23])
def test_an_archive_that_is_cut_off_is_refused_as_a_whole(cut: int) -> None:
    with pytest.raises(ArchiveRefused, match="incomplete or damaged"):
        opened(disc(xray_dicom())[:cut])


def test_an_index_of_a_disc_is_known_by_its_content() -> None:
    assert outcomes(packed(("anything.dcm", dicomdir()))) == {"anything.dcm": "disc_index"}


def test_what_no_reader_here_knows_keeps_its_own_sentence() -> None:
    [member] = opened(packed(("slice.nii", bytes(344) + b"n+1\0" + bytes(100))))
    with pytest.raises(FileRefused, match="NIfTI"):
        member.read()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("a\\b.dcm", "a/b.dcm"),
        ("a\x1b[31mb.dcm", "a[31mb.dcm"),
        ("", "unnamed"),
        ("f/" * 300 + "a.dcm", ("f/" * 300 + "a.dcm")[-200:]),
    ],
)
def test_a_path_is_only_shown(path: str, text: str) -> None:
    assert shown(path) == text


def test_a_path_that_climbs_is_no_hidden_file() -> None:
    paths = ("../a.png", ".hidden/b.png", "__MACOSX/c.png")
    assert outcomes(packed(*((path, xray_png()) for path in paths), ("notes", NO_IMAGE))) == {
        "../a.png": xray_png(),
        ".hidden/b.png": "left_out",
        "__MACOSX/c.png": "left_out",
        "notes": "left_out",
    }
