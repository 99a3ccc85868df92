from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

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
