"""Database triggers of tables that are only added to. They hold for every way in: page, ORM and SQL prompt.

Migrations raise them. Only the tests lower them, to empty their own database.
"""

from __future__ import annotations

SENTENCE = "Rows are only added to this table."


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
