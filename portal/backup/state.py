"""How the last backup ended, for whoever oversees the portal: a small file that web and worker share."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from portal.backup import places, words

LATE = timedelta(hours=26)
PAUSE = timedelta(hours=1)  # after one that failed, or still runs


@dataclass(frozen=True)
class State:
    """Times are ISO 8601, "" where there is none. `code`: of BackupFailed, "" where the last one that ended was good.
    `name`, `root`: of the last good one. `unsound`: files that rows name and that were not found as they were stored.
    """

    began: str = ""
    ended: str = ""
    code: str = ""
    last_good: str = ""
    name: str = ""
    root: str = ""
    files: int = 0
    read_bytes: int = 0
    unsound: int = 0


@dataclass(frozen=True)
class Health:
    """`status`: off, never, good, late or failed. `at`: what the last good backup holds is of this time."""

    status: str
    at: datetime | None = None
    code: str = ""
    unsound: int = 0

    @property
    def title(self) -> str:
        return words.title(self.status, self.unsound)

    @property
    def sentence(self) -> str:
        return words.sentence(self.status, self.code, self.unsound)

    @property
    def age(self) -> timedelta | None:
        """Of what the last good backup holds."""
        return timezone.now() - self.at if self.at else None

    @property
    def is_alarming(self) -> bool:
        return self.status in {"never", "late", "failed"} or self.unsound > 0


def path() -> Path:
    return Path(settings.VAR_ROOT) / "backup" / "state.json"


def read() -> State:
    try:
        return State(**json.loads(path().read_text()))
    except (OSError, ValueError, TypeError):
        return State()


def write(state: State) -> None:
    draft = places.working() / f"state.{os.getpid()}"
    try:
        draft.write_text(json.dumps(asdict(state)))
        draft.rename(path())
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def health(now: datetime | None = None) -> Health:
    """What is known without looking at the backup folder, which the web server need not reach."""
    if not settings.BACKUP_ROOT:
        return Health("off")
    state, now = read(), now or timezone.now()
    at = _time(state.last_good)
    return Health(_status(state, at, now), at, state.code, state.unsound)


def _status(state: State, at: datetime | None, now: datetime) -> str:
    if state.code:
        return "failed"
    if at is None:
        return "never"
    return "late" if now - at > LATE else "good"


def is_due(now: datetime | None = None) -> bool:
    """Whether a daily backup should begin: none since the last BACKUP_HOUR, nor an attempt just now."""
    now = timezone.localtime(now)
    turn = now.replace(hour=settings.BACKUP_HOUR, minute=0, second=0, microsecond=0)
    turn = turn if turn <= now else turn - timedelta(days=1)
    state = read()
    good, tried = _time(state.last_good), _time(state.ended) or _time(state.began)
    return (good is None or good < turn) and (tried is None or now - tried > PAUSE)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
