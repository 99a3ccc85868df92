"""Two questions a load balancer asks. Both answer without sign-in and name no patient, version or address."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.backup import state

logger = logging.getLogger(__name__)

# With less, sign-in and reading soon fail as well.
ROOM_BYTES = 16 * 1024 * 1024


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """This process is up. Says nothing of the servers behind it: restarting it would not help them."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether requests can be served: 200 when database, broker, migrations and disk are in order, else 503.

    `backup` (off, never, good, late, failed) is told besides: without one, requests are served all the same.
    """
    answers = {name: _holds(name, check) for name, check in CHECKS.items()}
    ready = all(answers.values())
    checks = {name: "ok" if held else "failed" for name, held in answers.items()}
    told = {"status": "ok" if ready else "unavailable", "checks": checks, "backup": state.health().status}
    return JsonResponse(told, status=200 if ready else 503)


def _holds(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:
        # Drivers raise families of their own; whatever it is, the answer is "no" and the log has the reason.
        logger.exception("Readiness: %s failed", name)
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _broker() -> bool:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
        return bool(broker.connected)


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _disk() -> bool:
    """Whether the database, too, can go on writing; large uploads are refused one by one long before."""
    root = Path(settings.PRIVATE_ROOT)
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    return shutil.disk_usage(place).free >= ROOM_BYTES


CHECKS: dict[str, Callable[[], bool]] = {
    "database": _database,
    "broker": _broker,
    "migrations": _migrations,
    "disk": _disk,
}
