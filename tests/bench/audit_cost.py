"""What the entry in the audit trail costs a page: `python -m tests.bench.audit_cost`.

Pages of one patient by Django's own client, in turn with and without the entry, so that both meet the same load. The
last line names the share that the entry adds to all of them together, by medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from typing import TYPE_CHECKING
from unittest import mock

from tests.bench.reading import set_up, throw_away_database

if TYPE_CHECKING:
    from django.test import Client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=40, help="requests of each page, with and without")
    rounds = parser.parse_args().n
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var, throw_away_database("bench_audit"):
        set_up(var)
        client, pages = _world()
        _report({page: _measure(client, page, rounds) for page in pages})


def _world() -> tuple[Client, list[str]]:
    from django.conf import settings
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    from tests.fuzz.requests import make_world

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"  # type: ignore[index]
    call_command("migrate", interactive=False, verbosity=0)
    setup_test_environment()
    world = make_world()
    client = world.clients["radiologist"]
    names = ("home", "patient-detail", "study-detail", "queue", "patient-list")
    return client, [world.known(f"diagnosis:{name}") for name in names]


def _measure(client: Client, page: str, rounds: int) -> tuple[float, float]:
    """Medians in seconds, with and without the entry."""
    with_entry, without = [], []
    for _ in range(rounds + 3):
        with_entry.append(_time(client, page))
        with mock.patch("audit.chain.append"):
            without.append(_time(client, page))
    return statistics.median(with_entry[3:]), statistics.median(without[3:])


def _time(client: Client, page: str) -> float:
    begun = time.perf_counter()
    answer = client.get(page)
    if answer.status_code != 200:
        raise SystemExit(f"{page} answered {answer.status_code}.")
    return time.perf_counter() - begun


def _report(found: dict[str, tuple[float, float]]) -> None:
    for page, (long, short) in found.items():
        print(f"{page}: {1000 * long:.1f} ms with, {1000 * short:.1f} ms without, {100 * (long / short - 1):+.0f} %")
    both, alone = (sum(times) for times in zip(*found.values(), strict=True))
    print(f"audit overhead {100 * (both / alone - 1):.0f} %")


if __name__ == "__main__":
    main()
