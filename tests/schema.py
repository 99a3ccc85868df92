"""The tables of the tests' database: what they are like, and how all of them go."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from portal.backup import postgres, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.migrations.state import StateApps


class AsWritten(MigrationLoader):
    """Knows the migrations one by one, as every database went through them that is older than the squashed ones."""

    def __init__(self) -> None:
        super().__init__(connection, replace_migrations=False)

    def build_graph(self) -> None:
        super().build_graph()
        for key, migration in self.replacements.items():
            self.graph.remove_replacement_node(key, migration.replaces)


def migrate_as_written(name: str = "") -> StateApps:
    """Diagnosis to `name`, and what needs nothing of it to its newest; everything, where no name is given.

    Returns the models of then.
    """
    executor = MigrationExecutor(connection)
    executor.loader = AsWritten()
    graph = executor.loader.graph
    leaves = [leaf for leaf in graph.leaf_nodes() if not (name and _needs_diagnosis(graph.forwards_plan(leaf)))]
    targets = [*leaves, ("diagnosis", name)] if name else leaves
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


def _needs_diagnosis(plan: list[tuple[str, str]]) -> bool:
    return any(app == "diagnosis" for app, _name in plan)


def migrations_to_come() -> list[tuple[str, str]]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [(migration.app_label, migration.name) for migration, _backwards in plan]


def drop_everything() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
        else:
            cursor.execute("PRAGMA foreign_keys = OFF")
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f'DROP TABLE "{table}"')
            cursor.execute("PRAGMA foreign_keys = ON")
    ContentType.objects.clear_cache()


def filled_tables() -> set[str]:
    with connection.cursor() as cursor:
        return {table for table in connection.introspection.table_names(cursor) if _has_rows(table)}


def _has_rows(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}")')
        return bool(cursor.fetchone()[0])


def described() -> list[str]:
    """Tables, columns, keys, indexes, sequences, functions and triggers, a text each or a line of the dump."""
    return {"postgresql": _dumped, "sqlite": _statements}[connection.vendor]()


def _dumped() -> list[str]:
    program = postgres._program("pg_dump", snapshot.major_version())
    command = [str(program), "--schema-only", "--no-owner", "--dbname", connection.settings_dict["NAME"]]
    environment = postgres._environment(connection.settings_dict)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    # A word that is another one in each dump.
    return [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


def _statements() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
        return [f"{kind} {name}: {_in_any_order(sql or '')}" for kind, name, sql in cursor.fetchall()]


def _in_any_order(sql: str) -> str:
    """A table's columns sorted: SQLite makes a table anew to change it, and Django then puts renamed columns last."""
    if not sql.startswith("CREATE TABLE"):
        return sql
    head, _, body = sql.partition("(")
    return f"{head}({', '.join(sorted(_parts(body.removesuffix(')'))))})"


def _parts(body: str) -> Iterator[str]:
    """What the commas separate that are in no bracket."""
    part, depth = "", 0
    for sign in body:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += sign
    yield part.strip()
