"""A database that cannot be asked right now, which is nobody's mistake and passes."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError, connection


def is_database_away(error: BaseException | None) -> bool:
    """Whether `error`, or one that it came from, says that the database is locked, down or not to be reached."""
    while error is not None:
        if isinstance(error, (OperationalError, InterfaceError)):
            return "no such" not in str(error)  # a table or column of SQLite, which does not come by waiting
        error = error.__cause__
    return False


def drop_broken_connection() -> None:
    """So that the next statement opens another one: Django does this by itself between requests and tasks alone."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
