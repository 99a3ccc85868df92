"""Keeps a running analysis's lease alive while its worker lives."""

from __future__ import annotations

import logging
import threading
import uuid
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, connection

from diagnosis.models import Analysis

log = logging.getLogger(__name__)


class Lease:
    """Renews in a thread until the block ends. A worker that is killed stops renewing, and the sweep frees its job."""

    def __init__(self, pk: uuid.UUID, claim: uuid.UUID) -> None:
        self._pk, self._claim = pk, claim
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_done, name=f"lease-{pk}", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _renew_until_done(self) -> None:
        try:
            while not self._done.wait(settings.ANALYSIS_LEASE.total_seconds() / 3):
                if not self._renew():
                    return
        finally:
            connection.close()  # this thread's own

    def _renew(self) -> bool:
        try:
            return Analysis.objects.renew(self._pk, self._claim)
        except DatabaseError:
            # One missed renewal is allowed for: the lease outlasts three.
            log.warning("could not renew the lease of analysis %s", self._pk, exc_info=True)
            connection.close()
            return True
