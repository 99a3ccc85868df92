"""Database triggers: a final report, an addendum and a first impression are never changed or deleted again.

They hold for every way into the database: page, API, admin panel, ORM and SQL prompt.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# table → (name, when the old row stands, the sentence)
STANDING = {
    "diagnosis_report": ("OLD.status = 'final'", "A final report is never changed. Write an addendum."),
    "diagnosis_addendum": ("1 = 1", "An addendum is never changed. Write another."),
    "diagnosis_firstimpression": ("1 = 1", "A first impression is never changed."),
}


def _postgresql(table: str, condition: str, sentence: str) -> list[str]:
    function = f"{table}_stands"
    return [
        f"""CREATE OR REPLACE FUNCTION {function}() RETURNS trigger AS $$
            BEGIN RAISE EXCEPTION '{sentence}' USING ERRCODE = 'integrity_constraint_violation'; END
            $$ LANGUAGE plpgsql""",
        f"""CREATE TRIGGER {function} BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {function}()""",
    ]


def _sqlite(table: str, condition: str, sentence: str) -> list[str]:
    return [
        f"""CREATE TRIGGER {table}_stands_{event.lower()} BEFORE {event} ON {table} WHEN {condition}
            BEGIN SELECT RAISE(ABORT, '{sentence}'); END"""
        for event in ("UPDATE", "DELETE")
    ]


def raise_walls(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    dialect = {"postgresql": _postgresql, "sqlite": _sqlite}[schema_editor.connection.vendor]
    for table, (condition, sentence) in STANDING.items():
        for statement in dialect(table, condition, sentence):
            schema_editor.execute(statement)


def lower_walls(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for table in STANDING:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP FUNCTION {table}_stands() CASCADE")
        else:
            schema_editor.execute(f"DROP TRIGGER {table}_stands_update")
            schema_editor.execute(f"DROP TRIGGER {table}_stands_delete")


class Migration(migrations.Migration):
    dependencies = [("diagnosis", "0002_reading")]
    operations = [migrations.RunPython(raise_walls, lower_walls)]
