"""Stored files in answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.utils.translation import gettext_noop

from diagnosis.errors import StoredFileUnreadable

log = logging.getLogger(__name__)

PRIVATE = {"Cache-Control": "private, no-store"}


@contextmanager
def stored_file(pk: UUID) -> Iterator[None]:
    """Turns a missing or unreadable file into a sentence, and logs which one it was."""
    try:
        yield
    except OSError as error:
        log.exception("stored file of %s", pk)
        raise StoredFileUnreadable(
            "stored_file_unreadable",
            gettext_noop("The stored file could not be read. Tell your administrator; it must be restored."),
        ) from error
