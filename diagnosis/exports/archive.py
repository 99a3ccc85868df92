"""A ZIP file on the disk that nobody else can open, with the SHA-256 of everything in it."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

CHUNK = 1 << 20
FOLDER = "exports"
MANIFEST = "manifest.json"


class Archive:
    """Add files, then `finish`. The file has no name: it is gone when it is closed, or when the process ends."""

    def __init__(self, root: Path) -> None:
        folder = root / FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # whoever gets it closes it
        self._zip = ZipFile(self._file, "w", allowZip64=True)
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, data: bytes) -> None:
        self._write(name, iter([data]), ZIP_DEFLATED)

    def add_json(self, name: str, values: Any) -> None:
        self.add(name, json.dumps(values, cls=DjangoJSONEncoder, indent=1, ensure_ascii=False).encode())

    def add_file(self, name: str, source: BinaryIO | IO[bytes]) -> None:
        """As it is: images are compressed already, or are not worth the time."""
        self._write(name, iter(lambda: source.read(CHUNK), b""), ZIP_STORED)

    def finish(self) -> IO[bytes]:
        """The file, at its beginning, with the manifest of all the others as its last."""
        self.add_json(MANIFEST, {"algorithm": "SHA-256", "files": self.files})
        self._zip.close()
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Without using it."""
        self._file.close()

    def _write(self, name: str, chunks: Iterator[bytes], kind: int) -> None:
        info = ZipInfo(name, timezone.localtime().timetuple()[:6])
        info.compress_type, info.external_attr = kind, 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=True) as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        self.files[name] = {"sha256": digest.hexdigest(), "bytes": size}
