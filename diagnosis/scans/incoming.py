"""Where the files of a large request wait while they arrive: on the disk of the scans, never in memory.

The system's own folder for temporary files is often a part of memory, as it is in docker/compose.yaml.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


def folder() -> Path:
    path = Path(settings.PRIVATE_ROOT) / "incoming"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


class DiskUploadHandler(FileUploadHandler):
    """Writes every file of a request to one without a name, which goes with its process whatever ends that."""

    file: IO[bytes]

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file = tempfile.TemporaryFile(dir=folder())  # noqa: SIM115  # the request closes it

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self.file.seek(0)
        return UploadedFile(
            self.file,
            self.file_name,
            self.content_type,
            file_size,
            self.charset,
            self.content_type_extra,
        )

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()
