"""What the disk refuses. Without Django, because settings may be what could not be read."""

from __future__ import annotations

import errno


def is_disk_full(error: BaseException | None) -> bool:
    """Whether `error`, or one that it came from, says that the disk or the quota is used up. SQLite has words only."""
    while error is not None:
        if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT} or "disk is full" in str(error):
            return True
        error = error.__cause__
    return False
