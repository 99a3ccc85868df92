"""What a large request holds waits on the disk of the scans, and leaves nothing behind there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pytest
from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.http import HttpRequest
from django.test import RequestFactory

from diagnosis.scans import incoming

CHUNK = b"0123456789abcdef" * 4096


@contextmanager
def sent(*files: bytes) -> Iterator[HttpRequest]:
    parts = [BytesIO(data) for data in files]
    for number, part in enumerate(parts):
        part.name = f"{number}.dcm"
    request = RequestFactory().post("/", {"files": parts})
    yield request
    request.close()


def test_a_small_request_stays_in_memory() -> None:
    with sent(CHUNK) as request:
        assert isinstance(request.FILES["files"], InMemoryUploadedFile)


def test_the_files_of_a_large_request_lie_on_the_disk_of_the_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    places = []
    real = incoming.tempfile.TemporaryFile

    def noting(*, dir: object) -> object:  # noqa: A002
        places.append(dir)
        return real(dir=dir)

    monkeypatch.setattr(incoming.tempfile, "TemporaryFile", noting)
    with sent(CHUNK * 100, CHUNK * 60) as request:
        files: list[UploadedFile] = request.FILES.getlist("files")
        assert not any(isinstance(file, InMemoryUploadedFile) for file in files)
        assert places == [incoming.folder()] * 2
        assert [(file.name, file.size) for file in files] == [("0.dcm", len(CHUNK) * 100), ("1.dcm", len(CHUNK) * 60)]
        assert files[0].read() == CHUNK * 100
        assert not list(incoming.folder().iterdir()), "a file that a stopped server would leave behind"


def test_the_files_are_closed_with_the_request() -> None:
    with sent(CHUNK * 200) as request:
        file = request.FILES["files"]
        assert not file.closed
    assert file.closed


def test_nobody_else_may_look_there() -> None:
    assert incoming.folder().stat().st_mode & 0o777 == 0o700
