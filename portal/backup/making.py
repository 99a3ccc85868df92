"""Make a backup. In this order: the audit trail's files, the database, the other files; docs/adr/1004 says why."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from audit.key import keyed_hash
from audit.record import record
from audit.vocabulary import Action, Event
from diagnosis.disk import is_disk_full
from diagnosis.scans.erasing import names_of_deleted
from portal.backup import places, snapshot, state
from portal.backup.envelope import Envelope
from portal.backup.errors import BackupDamaged, BackupFailed
from portal.backup.known import Known, known
from portal.backup.manifest import Draft, Entry, Header
from portal.backup.snapshot import Facts, Snapshot, facts_of_this_database
from portal.backup.state import State
from portal.backup.store import Store, Stored

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """A backup that is whole.

    `read_bytes`: of the files that had to be read and encrypted this time. `removed`: objects of older backups;
    `not_removed`: why they are still there, "" where nothing went wrong.
    """

    name: str
    files: int
    read_bytes: int
    missing: list[str]
    altered: list[str]
    removed: int = 0
    not_removed: str = ""


def make(*, root: Path, recipients: Iterable[str], encrypt: bool = True, keep: int = 0) -> Made:
    """One backup into `root`; with `keep`, remove all but so many. Tells `state` how it ended. Raises BackupFailed."""
    began = timezone.now()
    try:
        made = _make(root, _envelope(tuple(recipients), encrypt), keep, began)
    except BaseException as error:
        failure = _failure(error, root)
        if not failure or failure.code != "busy":  # what is told is of the one that runs
            _tell(code=failure.code if failure else "interrupted")
        if failure:
            raise failure from error
        raise
    _tell(
        last_good=began.isoformat(),
        name=made.name,
        root=str(root),
        files=made.files,
        read_bytes=made.read_bytes,
        unsound=len(made.missing) + len(made.altered),
    )
    record(Event.EXPORT, Action.READ, route="manage.py backup", detail={"backup": made.name})
    return made


def _tell(*, code: str = "", **words: Any) -> None:
    try:
        state.write(replace(state.read(), ended=timezone.now().isoformat(), code=code, **words))
    except OSError:
        log.exception("how the backup ended could not be written down")


def _failure(error: BaseException, root: Path) -> BackupFailed | None:
    if isinstance(error, BackupFailed):
        return error
    if is_disk_full(error):
        return BackupFailed("disk_full", f"No room is left ({error}). Older backups in {root} are untouched.")
    if isinstance(error, Exception):
        return BackupFailed("other", f"{type(error).__name__}: {error}")
    return None


def _envelope(recipients: tuple[str, ...], encrypt: bool) -> Envelope:
    if not encrypt:
        return Envelope()
    if not recipients:
        raise BackupFailed(
            "no_recipients",
            "BACKUP_RECIPIENTS names nobody who could open the backup. `manage.py backup --new-key FILE` makes a key.",
        )
    return Envelope.to(recipients)


def _make(root: Path, envelope: Envelope, keep: int, began: datetime) -> Made:
    places.check_backup_root(root)
    store = Store(root, envelope)
    require_earlier(store, state.read())
    warn_of_one_disk(root)
    with store.locked():
        state.write(replace(state.read(), began=began.isoformat(), ended=""))
        places.sweep_snapshots()
        with known() as memory, Draft() as draft:
            made = _Making(store, memory, draft).run(store.begin(timezone.now()))
        return replace(made, **_prune(store, keep)) if keep else made


def require_earlier(store: Store, last: State) -> None:
    """An empty folder in the place of the disk with the backups would be filled, and nobody would miss the disk.

    Raises BackupFailed where the folder of the last good backup holds none.
    """
    if last.name and last.root == str(store.root) and not store.backups():
        raise BackupFailed(
            "gone",
            f"{store.root} holds no backup, and the last good one, {last.name}, was made there. Is its disk mounted? "
            f"If the folder was emptied on purpose, remove {state.path()} and begin again.",
        )


def warn_of_one_disk(root: Path) -> None:
    """To the log, where the folder lies on the disk of the data, or would be made there: one fault would take both."""
    there = next(path for path in (root, *root.parents) if path.exists())
    if there.stat().st_dev == places.working().stat().st_dev:
        log.warning("the backup folder %s lies on the same disk as the data: is its own disk mounted?", root)


def _prune(store: Store, keep: int) -> dict[str, Any]:
    """What is told of it; the new backup is whole, however this ends."""
    try:
        return {"removed": store.prune(keep)}
    except (BackupFailed, BackupDamaged, OSError) as error:
        log.exception("older backups in %s could not be removed", store.root)
        return {"not_removed": str(error)}


class _Making:
    def __init__(self, store: Store, memory: Known, draft: Draft) -> None:
        self.store, self.memory, self.draft = store, memory, draft
        self.hashes, self.objects, self.read_bytes = dict[str, str](), set[str](), 0

    def run(self, name: str) -> Made:
        self._copy(places.AUDIT)
        with snapshot.taken() as taken:
            database = self._add(taken.path)
            self._copy(places.PRIVATE)
            header = self._header(name, taken, database)
        with self.draft.whole(header) as manifest:
            self.store.finish(name, manifest, self.objects)
        return Made(name, header.files, self.read_bytes, header.missing, header.altered)

    def _copy(self, place: str) -> None:
        for name, path in places.files(place):
            try:
                stored = self._stored(path)
            except FileNotFoundError:  # swept or deleted just now
                continue
            self.hashes[name] = stored.sha256
            self.draft.add(Entry(name, stored))

    def _stored(self, path: Path) -> Stored:
        found = path.stat()
        if before := self.memory.find(path, found):
            sha256, size = before
            name = self.store.name_of(sha256)
            if self.store.holds(name, size):
                self.objects.add(name)
                return Stored(name, found.st_size, sha256)
        stored = self._add(path)
        self.memory.keep(path, found, stored.sha256, self.store.stored_size(stored.name))
        return stored

    def _add(self, path: Path) -> Stored:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # a line of the anchors is written under this lock
            stored = self.store.add(file, sound=self.objects)
        self.objects.add(stored.name)
        self.read_bytes += stored.size
        return stored

    def _header(self, name: str, taken: Snapshot, database: Stored) -> Header:
        missing, altered = self._unsound(taken.facts)
        gone, deleted = self._gone(missing), self._deleted(missing)
        return Header(
            made_at=timezone.now().isoformat(),
            version=settings.VERSION,
            engine=taken.engine,
            server=taken.server,
            migrations=taken.facts.migrations,
            rows=taken.facts.rows,
            database=asdict(database),
            files=self.draft.files,
            key_check=key_check(),
            missing=[path for path in missing if path not in gone | deleted],
            altered=altered,
            gone=sorted(gone),
            deleted=sorted(deleted),
        )

    def _unsound(self, facts: Facts) -> tuple[list[str], list[str]]:
        """Of the files that rows name: those that were not there, and those that are not what the row says."""
        named = sorted(facts.files.items())
        missing = [path for path, _sha256 in named if path not in self.hashes]
        altered = [path for path, sha256 in named if sha256 and self.hashes.get(path, sha256) != sha256]
        return missing, altered

    def _gone(self, missing: list[str]) -> set[str]:
        """Those that no row names any more: deleted with it since the database was copied."""
        return set(missing) - set(facts_of_this_database().files) if missing else set()

    def _deleted(self, missing: list[str]) -> set[str]:
        """Those of studies that two people deleted; the rows stay and go on naming them."""
        names = names_of_deleted() if missing else set[str]()
        return {path for path in missing if path.partition("/")[2] in names}


def key_check() -> str:
    """Tells one audit key from another, and nothing of it."""
    return keyed_hash("backup key check", "")
