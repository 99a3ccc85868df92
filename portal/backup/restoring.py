"""Restore a backup into an empty place. The database comes last: what stopped half-way has none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audit.record import record
from audit.vocabulary import Action, Event
from portal.backup import places, postgres, reading
from portal.backup.comparing import Comparison, compare, compare_proofs
from portal.backup.errors import RestoreRefused
from portal.backup.making import key_check
from portal.backup.manifest import Header, Manifest
from portal.backup.snapshot import facts_of_this_database, major_version
from portal.backup.store import Store

NOT_OURS = (
    "The audit key that is here did not write the backup %(name)s. Either it is the key of another portal, or somebody "
    "else made, renamed or changed the backup. Nothing was restored. Look for the right key, or name another backup, "
    "--backup NAME. Without any audit key it can be restored, but nothing of it is proven."
)


def restore(*, root: Path, identities: Sequence[Any], name: str = "", audit_key: str = "") -> Comparison:
    """Restore a backup, the newest where none is named, and compare what is there now with what was.

    `audit_key`: one that was kept apart; it is put where the portal looks for it. Raises RestoreRefused before anything
    is written, BackupDamaged and BackupFailed where a part cannot be restored.
    """
    store = Store(root)
    name = name or reading.newest(store)
    is_given = _take(audit_key)
    knows_key = store.is_our_own(name)
    with reading.opened(store, name, identities) as manifest:
        if not knows_key and (is_given or manifest.header.key_check == key_check()):
            raise RestoreRefused(NOT_OURS % {"name": name})
        _require_fit(manifest.header)
        _require_empty()
        if audit_key:
            _put(audit_key)
        _write(store, manifest, identities)
        found = compare(manifest, facts_of_this_database())
    _bring_up_to_date()
    if knows_key:
        found = found.with_proofs(compare_proofs())
        # An entry made with another key would break the trail once the right one is in its place.
        record(Event.IMPORT, Action.CREATE, route="manage.py restore", detail={"backup": name})
    return found


def _take(audit_key: str) -> bool:
    """Check with this key from now on, and say whether one was given at all: the portal makes one where it finds none.
    Raises RestoreRefused where two were given."""
    is_set = bool(os.environ.get("AUDIT_KEY"))
    if audit_key and is_set:
        raise RestoreRefused("The setting AUDIT_KEY is there: put the key there, or leave the setting out.")
    settings.AUDIT_KEY = audit_key or settings.AUDIT_KEY
    return is_set or bool(audit_key)


def _put(audit_key: str) -> None:
    folder = Path(settings.AUDIT_ROOT)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / "audit.key.restoring"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(audit_key)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / "audit.key")


def _require_fit(header: Header) -> None:
    if header.engine != connection.vendor:
        raise RestoreRefused(f"The backup is of {header.engine}, and DATABASE_URL names {connection.vendor}.")
    if header.server > (here := major_version()):
        raise RestoreRefused(f"The backup is of PostgreSQL {header.server}, and this server is {here}.")
    known = {f"{app}.{name}" for app, name in MigrationExecutor(None).loader.disk_migrations}
    if newer := sorted(set(header.migrations) - known):
        raise RestoreRefused(f"The backup is of version {header.version}, which is newer than this one: {newer[0]}.")


def _require_empty() -> None:
    tables = connection.introspection.table_names()
    if tables:
        raise RestoreRefused(f"The database is not empty: it has {len(tables)} tables. Nothing was changed.")
    for place, root in places.roots().items():
        if first := next(places.files(place), None):
            raise RestoreRefused(f"{root} is not empty: it holds {first[1].name}. Nothing was changed.")


def _write(store: Store, manifest: Manifest, identities: Sequence[Any]) -> None:
    for entry in manifest.entries():
        reading.fetch(store, entry.stored, places.path_of(entry.path), identities)
    {"sqlite": _to_sqlite, "postgresql": _to_postgresql}[connection.vendor](store, manifest.header, identities)


def _to_sqlite(store: Store, header: Header, identities: Sequence[Any]) -> None:
    place = Path(str(connection.settings_dict["NAME"]))
    connection.close()
    for suffix in ("-wal", "-shm"):
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    reading.fetch(store, header.database_stored, place, identities)


def _to_postgresql(store: Store, header: Header, identities: Sequence[Any]) -> None:
    dump = places.working() / "database.dump"
    try:
        reading.fetch(store, header.database_stored, dump, identities)
        postgres.restore(connection.settings_dict, server=max(header.server, major_version()), source=dump)
    finally:
        dump.unlink(missing_ok=True)


def _bring_up_to_date() -> None:
    """A backup of an older version; its rows have been counted already."""
    call_command("migrate", interactive=False, verbosity=0)
