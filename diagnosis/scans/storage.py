"""Private files: never below a public address, on the disk before the row that names them."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible

from diagnosis.disk import flush, is_disk_full
from diagnosis.errors import DiskFull


@deconstructible(path="diagnosis.scans.storage.PrivateStorage")
class PrivateStorage(FileSystemStorage):
    """Files readable by the server's account only, flushed to the disk when saved, without any address."""

    def __init__(self, location: str | os.PathLike[str] | None = None) -> None:
        super().__init__(location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def url(self, name: str | None) -> NoReturn:
        raise ValueError("Private files have no address; serve them through a permission-checked view.")

    def _save(self, name: str, content: File) -> str:
        try:
            return self._save_and_flush(name, content)
        except OSError as error:
            if not is_disk_full(error):
                raise
            with suppress(OSError):
                Path(self.path(name)).unlink()  # the part of it for which there was room
            raise DiskFull from error

    def _save_and_flush(self, name: str, content: File) -> str:
        name = super()._save(name, content)  # type: ignore[misc]  # the stubs leave it out
        path = Path(self.path(name))
        flush(path)
        flush(path.parent)
        return name
