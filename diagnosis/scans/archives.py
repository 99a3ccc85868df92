"""A zip archive, such as a patient's disc, opened one member at a time.

It is never unpacked to the disk, and no more than one member is in memory. What an archive says of itself is checked
before anything is unfolded, and holds: a member never yields more bytes than its entry states.
"""

from __future__ import annotations

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from diagnosis.errors import FileRefused, Refusal
from diagnosis.scans import intake
from ml.imaging import ImageRefused, sniff

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
HEAD_BYTES = 4096  # as many as `sniff` looks at
STEP_BYTES = 2**20  # what is unfolded at once; zipfile bounds a read in steps, and not one of the whole member
ENTRY_BYTES = 1024  # of the index, for each entry: its head is 46, then follow name, extra fields and comment
END_BYTES = 2**17  # at the end of an archive, where its index is looked for: a comment may have 65,535
# Deflate reaches 1000 for nothing but zeros. Uncompressed CT slices reach 4, empty ones among them more.
MOST_RATIO = 100
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # the only ones whose steps zipfile can bound
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError, OverflowError)
# Storage class of a DICOMDIR; it stands in the first few hundred bytes.
DISC_INDEX = b"1.2.840.10008.1.3.10"
SYSTEM_NAMES = {"__macosx", "thumbs.db", "desktop.ini"}
# Kinds that lie on discs beside the images, for the viewer that is on it or as its papers.
BESIDE_IMAGES = {
    "is-text", "is-html", "is-svg", "is-pdf", "is-program", "is-gif", "is-bmp", "is-webp", "unknown-format", "empty",
}  # fmt: skip
NESTED = {"is-zip", "is-archive"}


class ArchiveRefused(Refusal):
    """Nothing of the archive was taken."""

    http_status = 422


class ArchiveTooLarge(ArchiveRefused):
    """The archive, or what it unfolds to, is larger than is accepted."""

    http_status = 413


class MemberRefused(Refusal):
    """One file of an archive cannot be taken out of it."""

    http_status = 422


class LeftOut(MemberRefused):
    """A file of an archive that nobody means to upload: no fault, but it is said."""


@dataclass(frozen=True)
class Member:
    """One file of an archive. `path` is for display only."""

    path: str
    _archive: zipfile.ZipFile
    _entry: zipfile.ZipInfo

    def read(self) -> bytes:
        """All its bytes. Raises LeftOut, MemberRefused, FileRefused or FileTooLarge."""
        _require_wanted(PurePosixPath(self.path))
        _require_readable(self._entry)
        try:
            with self._archive.open(self._entry) as stream:
                head = stream.read(HEAD_BYTES)
                _require_image(head)
                intake.check_size(self._entry.file_size)
                return head + b"".join(iter(lambda: stream.read(STEP_BYTES), b""))
        except BROKEN as error:
            raise _damaged() from error


class Archive:
    """The files of a zip archive, in its order. Raises ArchiveRefused or ArchiveTooLarge when made."""

    def __init__(self, file: IO[bytes], *, size: int) -> None:
        require_size(size)
        self._zip = _opened(file)
        entries = self._zip.infolist()
        _require_few(len(entries))
        _require_bearable(sum(entry.file_size for entry in entries), size)
        self._files = [entry for entry in entries if not entry.is_dir()]

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Member]:
        for entry in self._files:
            yield Member(shown(entry.filename), self._zip, entry)


def is_archive(file: IO[bytes]) -> bool:
    """By content. The file stands at its start again."""
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    return start in MAGIC


def shown(path: str) -> str:
    """A path inside an archive, printable, its last 200 characters."""
    printable = "".join(c for c in path.replace("\\", "/") if unicodedata.category(c)[0] != "C")
    return printable.strip("/ ")[-200:] or "unnamed"


class _BoundedReads:
    """A file that refuses to give much at once: the index of an archive is read whole, however large it says it is."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._most = most
        self.seek, self.tell, self.seekable, self.close = file.seek, file.tell, file.seekable, file.close

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size if 0 <= size <= self._most else self._most + 1)
        if len(data) > self._most:
            raise _too_many()
        return data


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    bounded = _BoundedReads(file, END_BYTES + settings.UPLOAD_MAX_ARCHIVE_ENTRIES * ENTRY_BYTES)
    try:
        return zipfile.ZipFile(bounded)
    except BROKEN as error:
        raise ArchiveRefused(
            "archive_damaged",
            _("This archive is incomplete or damaged. Make it again, or unpack it and upload its files."),
        ) from error


def require_size(size: int) -> None:
    """Raise ArchiveTooLarge for an archive of more bytes than are accepted."""
    if size > settings.UPLOAD_MAX_ARCHIVE_BYTES:
        raise ArchiveTooLarge(
            "archive_too_large",
            _("This archive is larger than the %(megabytes)d MB that are accepted. Unpack it and upload its files."),
            megabytes=settings.UPLOAD_MAX_ARCHIVE_BYTES // 2**20,
        )


def _require_few(entries: int) -> None:
    if entries > settings.UPLOAD_MAX_ARCHIVE_ENTRIES:
        raise _too_many()


def _too_many() -> ArchiveTooLarge:
    return ArchiveTooLarge(
        "archive_too_many",
        _("This archive holds more than the %(most)d files that are accepted. Unpack it and upload its folders."),
        most=settings.UPLOAD_MAX_ARCHIVE_ENTRIES,
    )


def _require_bearable(unpacked: int, packed: int) -> None:
    """A bomb is small and unfolds to very much; what fits into one accepted file does no harm either way."""
    if unpacked > settings.UPLOAD_MAX_UNPACKED_BYTES:
        raise ArchiveTooLarge(
            "archive_unfolds",
            _("This archive unpacks to more than the %(megabytes)d MB that are accepted. Upload its folders."),
            megabytes=settings.UPLOAD_MAX_UNPACKED_BYTES // 2**20,
        )
    if unpacked > settings.UPLOAD_MAX_BYTES and unpacked > MOST_RATIO * packed:
        raise ArchiveRefused(
            "archive_suspicious",
            _("This archive unpacks to over a hundred times its size, which images do not. Unpack it and look at it."),
        )


def _require_wanted(path: PurePosixPath) -> None:
    if any(_is_hidden(part) for part in path.parts):
        raise LeftOut("left_out", _("Left out: a hidden file of the computer that made the archive."))


def _is_hidden(part: str) -> bool:
    return (part.startswith(".") and part != "..") or part.lower() in SYSTEM_NAMES


def _require_readable(entry: zipfile.ZipInfo) -> None:
    if entry.header_offset < 0:
        raise _damaged()
    if entry.flag_bits & 1:
        raise MemberRefused(
            "archive_encrypted",
            _("This file is locked with a password. Unpack the archive with it, then upload the files."),
        )
    if entry.compress_type not in METHODS:
        raise MemberRefused(
            "archive_method",
            _("This file is packed in a way that is not read here. Unpack the archive, then upload the files."),
        )


def _damaged() -> MemberRefused:
    return MemberRefused(
        "archive_member_damaged",
        _("This file is damaged inside the archive. Copy it from the disc once more and upload it by itself."),
    )


def _require_image(head: bytes) -> None:
    if DISC_INDEX in head[:1024]:
        raise LeftOut("disc_index", _("Left out: the index of a disc, which is not needed to take in its images."))
    try:
        sniff(head)
    except ImageRefused as refused:
        raise _refusal(refused) from refused


def _refusal(refused: ImageRefused) -> Refusal:
    if refused.code in BESIDE_IMAGES:
        return LeftOut("left_out", _("Left out: this file is no image."))
    if refused.code in NESTED:
        return MemberRefused(
            "archive_nested",
            _("An archive inside the archive is not opened. Unpack it and upload its files."),
        )
    return FileRefused(refused.code, refused.params)
