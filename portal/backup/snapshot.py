"""The database as it was at one moment, and what it says of itself at that moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, transaction
from django.db.models import FileField

from diagnosis.models import Scan
from network import spool
from network.models import InstanceStatus, ReceivedInstance
from portal.backup import places, postgres

Ask = Callable[[str], list[tuple[Any, ...]]]
TABLES = {
    "sqlite": r"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}
COLUMNS = {
    "sqlite": "SELECT name FROM pragma_table_info('{table}')",
    "postgresql": "SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'",
}


@dataclass(frozen=True)
class Facts:
    """`rows`: of each table. `files`: by path in a manifest, the hash that a row says it has, or ""."""

    rows: dict[str, int]
    migrations: list[str]
    files: dict[str, str]


@dataclass(frozen=True)
class Snapshot:
    """`path`: an SQLite database, or a dump in PostgreSQL's custom format. `server`: as `major_version` tells it."""

    path: Path
    engine: str
    server: int
    facts: Facts


@contextmanager
def taken() -> Iterator[Snapshot]:
    """Writers go on meanwhile. Raises BackupFailed and what SQLite raises; the copy goes with the block."""
    with places.snapshot_folder() as folder:
        yield {"sqlite": _sqlite, "postgresql": _postgresql}[connection.vendor](folder / "database")


def facts_of_this_database() -> Facts:
    with connection.cursor() as cursor:
        return facts(connection.vendor, _asking(cursor))


def major_version() -> int:
    """Of the PostgreSQL server; of SQLite, 0."""
    if connection.vendor != "postgresql":
        return 0
    connection.ensure_connection()
    return int(connection.pg_version) // 10_000  # type: ignore[attr-defined]


def _sqlite(target: Path) -> Snapshot:
    """In one step, by SQLite's own way: a copy of the file would lack what is only in the write-ahead log."""
    connection.ensure_connection()
    with closing(sqlite3.connect(target)) as copy:
        connection.connection.backup(copy)
    with closing(sqlite3.connect(f"{target.as_uri()}?immutable=1", uri=True)) as copy:
        return Snapshot(target, "sqlite", 0, facts("sqlite", lambda words: copy.execute(words).fetchall()))


def _postgresql(target: Path) -> Snapshot:
    """pg_dump and the counts see the same moment: both look through one exported snapshot."""
    server = major_version()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        ask = _asking(cursor)
        postgres.dump(
            connection.settings_dict, server=server, snapshot=ask("SELECT pg_export_snapshot()")[0][0], target=target
        )
        return Snapshot(target, "postgresql", server, facts("postgresql", ask))


def _asking(cursor: Any) -> Ask:
    def ask(words: str) -> list[tuple[Any, ...]]:
        cursor.execute(words)
        return list(cursor.fetchall())

    return ask


def facts(vendor: str, ask: Ask) -> Facts:
    tables = sorted(name for (name,) in ask(TABLES[vendor]))
    rows = {table: int(ask(f'SELECT COUNT(*) FROM "{table}"')[0][0]) for table in tables}  # noqa: S608
    applied = ask("SELECT app, name FROM django_migrations") if "django_migrations" in rows else []
    return Facts(rows, sorted(f"{app}.{name}" for app, name in applied), _files(vendor, ask))


def _files(vendor: str, ask: Ask) -> dict[str, str]:
    """What rows name, withdrawn ones too; from SQL, because the models may be newer than the rows."""
    found: dict[str, str] = {}
    for model, field in _file_fields():
        table = model._meta.db_table
        columns = {name for (name,) in ask(COLUMNS[vendor].format(table=table))}
        if field.column in columns:
            sha256 = "sha256" if model is Scan else "''"
            words = f'SELECT "{field.column}", {sha256} FROM "{table}" WHERE "{field.column}" <> \'\''  # noqa: S608
            found |= {f"{places.PRIVATE}/{name}": str(hashed) for name, hashed in ask(words)}
    return found | _spooled(vendor, ask)


def _spooled(vendor: str, ask: Ask) -> dict[str, str]:
    """What was received and is no image yet; the others' files are swept some time."""
    table = ReceivedInstance._meta.db_table
    if not ask(COLUMNS[vendor].format(table=table)):
        return {}
    words = f'SELECT "id" FROM "{table}" WHERE "status" <> \'{InstanceStatus.FILED.value}\''  # noqa: S608
    return {f"{places.PRIVATE}/{spool.name_of(UUID(str(key)))}": "" for (key,) in ask(words)}


def _file_fields() -> Iterator[tuple[Any, Any]]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, FileField):
                yield model, field
