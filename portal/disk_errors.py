"""Says in one sentence what the disk or its permissions refused; a traceback would hide it."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path

from diagnosis.disk import is_disk_full

CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


def disk_sentence(error: BaseException, *, var: Path) -> str | None:
    """What to tell the person at the terminal, or None when `error` is about something else.

    `var` is the folder of everything that the portal writes. SQLite has no numbers, only words.
    """
    number = error.errno if isinstance(error, OSError) else None
    words = str(error)
    if is_disk_full(error):
        return f"The disk that holds {var} is full: free some space, or set PORTAL_VAR to a folder on another disk."
    if number in CLOSED or "readonly database" in words or "unable to open database file" in words:
        return _closed(Path(getattr(error, "filename", None) or var), var)
    return None


def _closed(path: Path, var: Path) -> str:
    me = pwd.getpwuid(os.geteuid()).pw_name
    owner = _owner(path)
    if owner and owner != me:
        return (
            f"{path} belongs to {owner}, and you are {me}: give it to yourself (sudo chown -R {me} {var}), "
            "or set PORTAL_VAR to a folder of your own."
        )
    return f"{path} cannot be written: allow it (chmod -R u+rwX {var}), or set PORTAL_VAR to another folder."


def _owner(path: Path) -> str:
    """Of the nearest thing on the way to `path` that this account may look at; "" when there is no name for it."""
    for place in (path, *path.parents):
        try:
            return place.owner()
        except (OSError, KeyError):
            continue
    return ""
