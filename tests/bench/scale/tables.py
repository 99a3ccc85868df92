"""Rows in bulk, by SQL alone: each table is described by an expression of PostgreSQL for each of its columns.

An expression may use `n`, the row's number, which counts on over all fills. A column that is not described takes the
field's default, else the emptiest value of its type, so that a new column does not break the fill. Columns that are
described and do not exist are left out: one description serves a table before and after a change.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED

EMPTIEST: Sequence[tuple[type[models.Field[Any, Any]], str]] = (
    (models.BooleanField, "false"),
    (models.JSONField, "'[]'::jsonb"),
    (models.DateTimeField, "now()"),
    (models.DateField, "current_date"),
    (models.IntegerField, "0"),
    (models.FloatField, "0"),
    (models.CharField, "''"),
    (models.TextField, "''"),
    (models.FileField, "''"),
)


@dataclass(frozen=True)
class Table:
    """`model`: its label; `columns`: attribute name → expression. `where`: which numbers have a row."""

    model: str
    columns: Mapping[str, str]
    where: str = "true"
    per: int = 1  # one row for every so many numbers
    required: bool = field(default=True)


def key(kind: str, number: str = "n") -> str:
    """A row's key, from its number alone: rows that belong together find each other without a look-up."""
    return f"md5('{kind}' || ({number}))::uuid"


def fill(tables: Sequence[Table], first: int, last: int) -> None:
    """Rows `first` to `last` (of those that stand for every `per` numbers, the part that falls between)."""
    found = [(model, table) for table in tables if (model := _model(table))]
    with connection.cursor() as cursor, _without_indexes(cursor, [model for model, _ in found]):
        # Foreign keys hold by construction; to check millions of them takes longer than to write them.
        cursor.execute("SET session_replication_role = replica")
        for model, table in found:
            cursor.execute(_insert(model, table, (first - 1) // table.per + 1, last // table.per))
        cursor.execute("SET session_replication_role = DEFAULT")


@contextmanager
def _without_indexes(cursor: Any, models: Sequence[type[models.Model]]) -> Iterator[None]:
    """To make an index of rows that are there is many times faster than to keep it while they come."""
    tables = [model._meta.db_table for model in models]
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND NOT EXISTS "
        "(SELECT 1 FROM pg_constraint WHERE conindid = format('%%I.%%I', schemaname, indexname)::regclass)",
        [tables],
    )
    indexes = cursor.fetchall()
    cursor.execute("SET maintenance_work_mem = '256MB'")
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, definition in indexes:
        cursor.execute(definition)


def settle() -> None:
    """What autovacuum would have done after a minute."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _model(table: Table) -> type[models.Model] | None:
    try:
        return apps.get_model(table.model)
    except LookupError:
        if table.required:
            raise
        return None


def _insert(model: type[models.Model], table: Table, first: int, last: int) -> str:
    fields = {one.attname: one for one in model._meta.concrete_fields}
    said = {name: expression for name, expression in table.columns.items() if name in fields}
    said |= {name: _default(one) for name, one in fields.items() if name not in said and not _made_by_database(one)}
    names = ", ".join(f'"{fields[name].column}"' for name in said)
    values = ", ".join(said.values())
    rows = f"generate_series({first}, {last}) AS n"
    return f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {values} FROM {rows} WHERE {table.where}'


def _made_by_database(column: models.Field[Any, Any]) -> bool:
    return isinstance(column, models.AutoField)


def _default(column: models.Field[Any, Any]) -> str:
    if column.null:
        return "NULL"
    if column.default is not NOT_PROVIDED:
        return _literal(column.get_default(), column)
    return next(empty for kind, empty in EMPTIEST if isinstance(column, kind))


def _literal(value: Any, column: models.Field[Any, Any]) -> str:
    if isinstance(column, models.JSONField):
        return f"'{json.dumps(value)}'::jsonb"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


def made_key(kind: str, number: int) -> str:
    """The same as `key`, here."""
    return str(uuid.UUID(hashlib.md5(f"{kind}{number}".encode()).hexdigest()))
