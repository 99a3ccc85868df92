from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from diagnosis.models import Analysis, Scan
from tests.factories import new_case, new_patient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.migrations.state import StateApps

    from accounts.models import Clinic, User

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


def test_database_is_up_to_date() -> None:
    call_command("migrate", check=True, verbosity=0)


def test_sqlite_waits_for_other_writers() -> None:
    """WAL, and a write lock taken at BEGIN, or workers and pages fail each other with "database is locked"."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (20_000,)
    assert connection.transaction_mode == "IMMEDIATE"


def test_postgresql_is_reached_through_psycopg2() -> None:
    if connection.vendor != "postgresql":
        return
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    assert not is_psycopg3


def migrate(name: str) -> StateApps:
    executor = MigrationExecutor(connection)
    executor.migrate([("diagnosis", name)])
    return executor.loader.project_state(("diagnosis", name)).apps


@pytest.fixture
def newest_tables_afterwards(transactional_db: None) -> Iterator[None]:
    """The tests of one process share their tables: whoever goes back to old ones brings the newest again."""
    yield
    call_command("migrate", verbosity=0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("newest_tables_afterwards")
def test_rows_from_before_there_were_codes_keep_their_sentences(clinic: Clinic, radiographer: User) -> None:
    scan = new_case(radiographer, new_patient(clinic, radiographer, "MIG-1")).scan
    try:
        old = migrate("0010_ensemble_predictions")
        old.get_model("diagnosis", "Scan").objects.update(identity_note="name: file says A, record says B")
        old.get_model("diagnosis", "Transition").objects.update(note="worker 7 was lost")
        failed = {"status": "failed", "failure_code": "blank", "failure_reason": "This image is blank."}
        finished = {"finished_at": scan.uploaded_at, "without_ensemble": "vgg19-cxr is switched off."}
        old.get_model("diagnosis", "Analysis").objects.update(**failed, **finished)
    finally:
        migrate("0011_messages")
    analysis = Analysis.objects.get(scan=scan)
    assert (analysis.failure_code, analysis.failure_reason) == ("blank", "This image is blank.")
    assert analysis.without_ensemble == "vgg19-cxr is switched off."
    assert analysis.transitions.get().note_text == "worker 7 was lost"
    assert Scan.objects.get().identity_note == "name: file says A, record says B."
