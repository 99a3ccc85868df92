"""Waits for a result in the request that sent the image, for a few seconds and in a few threads only.

The old programs read the result from the first answer. A thread that waits takes in no upload meanwhile, so not all of
them may: who finds no place is told at once where to ask.
"""

from __future__ import annotations

import threading
import time
from uuid import UUID

from django.conf import settings

from diagnosis.models import Analysis
from diagnosis.models.analysis import FINISHED

# Below the ten seconds after which OkHttp, on Android, gives up.
LONGEST = 8.0
PAUSE = 0.25
_places = threading.BoundedSemaphore(max(1, settings.UPLOAD_THREADS // 2))


def wait(pk: UUID) -> bool:
    """Whether the analysis with this key has finished, now or within `LONGEST` seconds."""
    if _is_finished(pk):
        return True
    if not _places.acquire(blocking=False):
        return False
    try:
        return _waited(pk)
    finally:
        _places.release()


def _waited(pk: UUID) -> bool:
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        time.sleep(PAUSE)
        if _is_finished(pk):
            return True
    return False


def _is_finished(pk: UUID) -> bool:
    """By the key alone: the cheapest question there is."""
    return Analysis.objects.filter(pk=pk, status__in=FINISHED).exists()
