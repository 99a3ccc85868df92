from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from portal.embedded.errors import CannotStart


def take(path: Path) -> IO[str]:
    """Hold `path` until the returned file is closed or this process ends; CannotStart when another one holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise CannotStart(
            f"The portal already runs from {path.parent} (process {holder}): stop it first, or set PORTAL_VAR."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
