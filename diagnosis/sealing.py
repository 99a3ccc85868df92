"""The seal of what was signed: a keyed hash, and a copy of it outside the database. Knows no tables.

The unkeyed hash of a report proves it against its paper. A seal proves it against whoever can write to the database but
has no key: from another text they can work out a hash, and no seal.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from audit.key import keyed_hash

# A line may be half written where the machine died just then.
WHOLE = re.compile(r"(\d+) ([0-9a-f]{64})")


def mac(*, report: UUID, number: int, kind: str, sha256: str, at: datetime, is_late: bool, before: str) -> str:
    """HMAC-SHA256, hexadecimal, over one seal and the one before it of the same report."""
    said = [str(report), number, kind, sha256, at.astimezone(UTC).isoformat(timespec="microseconds"), is_late, before]
    return keyed_hash("report seal", json.dumps(said, separators=(",", ":")))


def keep(report: UUID, number: int, seal: str) -> None:
    """Add a seal to the report's file outside the database, for good: what is deleted there is missed here."""
    path = _path(report)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        # A line of its own, whatever stands before it.
        file.write(f"\n{number} {seal}\n")
        file.flush()
        os.fsync(file.fileno())


def kept(report: UUID) -> list[tuple[int, str]]:
    """Number and seal of each that is kept outside the database; one may lack where the machine died just then."""
    try:
        lines = _path(report).read_text().splitlines()
    except FileNotFoundError:
        return []
    found = (WHOLE.fullmatch(line) for line in lines)
    return [(int(line[1]), line[2]) for line in found if line]


def _path(report: UUID) -> Path:
    return Path(settings.AUDIT_ROOT) / "seals" / report.hex[:2] / report.hex
