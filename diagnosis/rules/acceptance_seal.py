"""The seal of an acceptance, and whether it holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from audit.key import same
from diagnosis import sealing
from diagnosis.models import Acceptance

KIND = "acceptance"


def canonical(said: Any) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def mac_of(one: Acceptance) -> str:
    """As the seal of a report is made; it is the only one of its set."""
    return sealing.mac(
        report=one.acceptance_set_id,
        number=1,
        kind=KIND,
        sha256=one.content_sha256,
        at=one.sealed_at,
        is_late=False,
        before="",
    )


def holds(one: Acceptance) -> bool:
    """Whether it says what was sealed, by a seal that is genuine and the one that is kept outside the database."""
    kept = sealing.kept(one.acceptance_set_id)
    is_kept = all(number == 1 and mac == one.mac for number, mac in kept)
    return digest(one.content) == one.content_sha256 and same(one.mac, mac_of(one)) and is_kept
