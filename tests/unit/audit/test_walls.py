"""The operation by which a migration closes a table to every change of its rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import Error, connection, models
from django.db.migrations import CreateModel, Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import OperationWriter

from audit.walls import SENTENCE, Wall

APP, TABLE = "audit", "audit_walled"
TABLE_ITSELF = CreateModel("Walled", [("id", models.BigAutoField(primary_key=True)), ("said", models.TextField())])
CHANGES = [f"UPDATE {TABLE} SET said = 'other'", f"DELETE FROM {TABLE}"]

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def migration(operation: Operation) -> Migration:
    made = Migration("0099_walled", APP)
    made.operations = [operation]
    return made


def migrate(operation: Operation, state: ProjectState) -> ProjectState:
    with connection.schema_editor(atomic=True) as editor:
        return migration(operation).apply(state, editor)


def undo(operation: Operation, before: ProjectState) -> None:
    with connection.schema_editor(atomic=True) as editor:
        migration(operation).unapply(before.clone(), editor)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def said() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT said FROM {TABLE}")
        return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def state() -> Iterator[ProjectState]:
    """That of a table with one row."""
    made = migrate(TABLE_ITSELF, ProjectState())
    run(f"INSERT INTO {TABLE} (said) VALUES ('first')")
    yield made
    undo(TABLE_ITSELF, ProjectState())


def test_a_table_is_only_added_to_until_the_migration_is_undone(state: ProjectState) -> None:
    before = state.clone()
    after = migrate(Wall(TABLE), state)
    assert after.models == before.models
    run(f"INSERT INTO {TABLE} (said) VALUES ('second')")
    for change in [*CHANGES, *([f"TRUNCATE {TABLE}"] if connection.vendor == "postgresql" else [])]:
        with pytest.raises(Error, match=SENTENCE):
            run(change)
    assert said() == ["first", "second"]

    undo(Wall(TABLE), before)
    run(CHANGES[0])
    assert said() == ["other", "other"]
    run(CHANGES[1])
    assert said() == []


def test_a_squashed_migration_names_it_as_it_is() -> None:
    text, imports = OperationWriter(Wall(TABLE), indentation=0).serialize()
    assert imports == {"import audit.walls"}
    assert text == f"audit.walls.Wall(\n    table='{TABLE}',\n),"
    assert Wall(TABLE).describe() == "Close audit_walled to every change of its rows"
