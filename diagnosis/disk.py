"""What the disk refuses, and what it must have. Without Django, because settings may be what could not be read."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def is_disk_full(error: BaseException | None) -> bool:
    """Whether `error`, or one that it came from, says that the disk or the quota is used up. SQLite has words only."""
    while error is not None:
        if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT} or "disk is full" in str(error):
            return True
        error = error.__cause__
    return False


def flush(path: Path) -> None:
    """A file, or a folder with the names of what is in it, to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
