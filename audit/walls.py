"""Database triggers of tables that are only added to. They hold for every way in: page, ORM and SQL prompt.

Migrations raise them, by the operation `Wall`. Only the tests lower them, to empty their own database.
"""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

SENTENCE = "Rows are only added to this table."


class Wall(Operation):
    """An operation of a migration: closes `table` to every change of its rows from then on. Undone, it opens it again.

    For a table of this migration or an earlier one. Statements that drop or rename it do not know of its wall.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str) -> None:
        self.table = table

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Models do not know of it."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        _execute(schema_editor, raised(schema_editor.connection.vendor, self.table))

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        _execute(schema_editor, lowered(schema_editor.connection.vendor, self.table))

    def describe(self) -> str:
        return f"Close {self.table} to every change of its rows"


def _execute(schema_editor: BaseDatabaseSchemaEditor, statements: list[str]) -> None:
    for statement in statements:
        schema_editor.execute(statement)


def raised(vendor: str, table: str) -> list[str]:
    """Statements that close `table` to every UPDATE and DELETE, on PostgreSQL to TRUNCATE too."""
    return {"postgresql": _postgresql, "sqlite": _sqlite}[vendor](table)


def lowered(vendor: str, table: str) -> list[str]:
    if vendor == "postgresql":
        return [f"DROP FUNCTION {table}_stands() CASCADE"]
    return [f"DROP TRIGGER {table}_stands_{event}" for event in ("update", "delete")]


def _postgresql(table: str) -> list[str]:
    function = f"{table}_stands"
    return [
        f"""CREATE OR REPLACE FUNCTION {function}() RETURNS trigger AS $$
            BEGIN RAISE EXCEPTION '{SENTENCE}' USING ERRCODE = 'integrity_constraint_violation'; END
            $$ LANGUAGE plpgsql""",
        f"""CREATE TRIGGER {function} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {function}()""",
    ]


def _sqlite(table: str) -> list[str]:
    return [
        f"""CREATE TRIGGER {table}_stands_{event} BEFORE {event.upper()} ON {table}
            BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"""
        for event in ("update", "delete")
    ]
