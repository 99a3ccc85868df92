"""The backup folder: every file once, under a name that tells nothing of it, and a list for each backup.

objects/ab/ab…      one file each, encrypted
backups/TIME.list   the names of the objects that the backup needs, in clear, so that old ones can be removed
backups/TIME.manifest   what they are: encrypted; appears last, so what has one is whole
partial/            what is being written; whatever lies there when a backup begins was interrupted
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from audit.key import keyed_hash, same
from portal.backup import envelope
from portal.backup.envelope import Envelope
from portal.backup.errors import BackupDamaged, BackupFailed
from portal.backup.streams import Counted, put_in_place, sha256_of

NAMED = "%Y%m%dT%H%M%SZ"
MANIFEST, LIST = ".manifest", ".list"


@dataclass(frozen=True)
class Stored:
    """One file in the backup folder; `size` and `sha256` are those of the file itself, in clear."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Store:
    root: Path
    envelope: Envelope = field(default_factory=Envelope)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """For this process alone. Raises BackupFailed where another backup is being made."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.root / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupFailed("busy", f"Another backup into {self.root} is being made.") from None
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(mode=0o700)
            try:
                yield
            finally:
                shutil.rmtree(self._partial, ignore_errors=True)

    def add(self, file: IO[bytes], *, sound: Collection[str] = ()) -> Stored:
        """Read `file` to its end and keep it; an object of the same name is replaced, unless it is one of `sound`."""
        source = Counted(file)
        draft = self._encrypted(source)
        name = self.name_of(source.sha256)
        if name in sound:
            draft.unlink()
        else:
            put_in_place(draft, self._object(name))
        return Stored(name, source.size, source.sha256)

    def name_of(self, sha256: str) -> str:
        """Of an object. Keyed, so that nobody can ask whether a file they know is in the backup; other recipients
        need another object."""
        return keyed_hash("backup object", " ".join([sha256, *self.envelope.recipients])) + self.envelope.suffix

    def holds(self, name: str, size: int) -> bool:
        """An object of so many bytes as it lies there; a shorter one was damaged."""
        try:
            return self._object(name).stat().st_size == size
        except FileNotFoundError:
            return False

    def stored_size(self, name: str) -> int:
        return self._object(name).stat().st_size

    def read(self, name: str, writer: IO[bytes], identities: Sequence[Any]) -> Counted:
        """Raises BackupDamaged where it is missing or changed."""
        path = self._object(name)
        if not path.is_file():
            raise BackupDamaged(f"{path} is missing.")
        return envelope.open_into(path, writer, identities)

    # --- backups, by their names --------------------------------------------------------------------------

    def backups(self) -> list[str]:
        """The oldest first; names are times in UTC."""
        found = (path.name.split(".")[0] for path in self._backups.glob(f"*{MANIFEST}*"))
        return sorted(found)

    def begin(self, at: datetime) -> str:
        """The name of a backup that begins then. Raises BackupFailed where a later one is there: the clock is wrong."""
        name = at.astimezone(UTC).strftime(NAMED)
        if (last := max(self.backups(), default="")) >= name:
            raise BackupFailed(
                "clock", f"There is a backup of {last} already, and the clock of this machine says {name}."
            )
        return name

    def finish(self, name: str, manifest: IO[bytes], objects: Collection[str]) -> None:
        draft = self._encrypted(Counted(manifest))
        told = {"mac": _mac(name, sha256_of(draft)), "objects": sorted(objects)}
        listed = self._draft()
        listed.write_text(json.dumps(told, indent=0))
        put_in_place(listed, self._backups / f"{name}{LIST}")
        put_in_place(draft, self._backups / f"{name}{MANIFEST}{self.envelope.suffix}")

    def manifest(self, name: str) -> Path:
        """Raises BackupDamaged where there is none."""
        found = list(self._backups.glob(f"{name}{MANIFEST}*"))
        if not found:
            raise BackupDamaged(f"There is no backup {name} in {self.root}.")
        return found[0]

    def is_our_own(self, name: str) -> bool:
        """Whether its manifest was written for this name with the audit key: to encrypt, the public key is enough."""
        try:
            told = json.loads((self._backups / f"{name}{LIST}").read_text())
            return same(str(told["mac"]), _mac(name, sha256_of(self.manifest(name))))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def prune(self, keep: int) -> int:
        """Remove all but the newest `keep` backups and what only they needed. Returns how many objects went.

        Raises BackupFailed, and removes nothing, where the list of a backup that stays is missing.
        """
        staying, going = self.backups()[-keep:], self.backups()[:-keep]
        needed = set[str]().union(*(self._listed(name) for name in staying))
        for name in going:
            self.manifest(name).unlink()
            (self._backups / f"{name}{LIST}").unlink(missing_ok=True)
        return sum(self._drop(path) for path in self._objects.glob("*/*") if path.name not in needed)

    def _drop(self, path: Path) -> bool:
        path.unlink(missing_ok=True)
        return True

    def _listed(self, name: str) -> list[str]:
        try:
            found: list[str] = json.loads((self._backups / f"{name}{LIST}").read_text())["objects"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            sentence = f"Nothing was removed: the list of the backup {name} cannot be read ({error})."
            raise BackupFailed("list", sentence) from error
        return found

    def _encrypted(self, source: Counted) -> Path:
        draft = self._draft()
        with draft.open("wb") as target:
            self.envelope.close(source, Counted(target))
        return draft

    def _draft(self) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self._partial)
        os.close(descriptor)
        return Path(name)

    def _object(self, name: str) -> Path:
        return self._objects / name[:2] / Path(name).name

    @property
    def _objects(self) -> Path:
        return self.root / "objects"

    @property
    def _backups(self) -> Path:
        return self.root / "backups"

    @property
    def _partial(self) -> Path:
        return self.root / "partial"


def _mac(name: str, sha256: str) -> str:
    """Over the name too, which is the time: an old backup under a newer name would pass for the newest."""
    return keyed_hash("backup manifest", f"{name} {sha256}")
