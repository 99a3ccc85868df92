"""A clinic's pages at 1,000 studies and at many, in one run: `make bench-scale N=1000000`.

Fills a PostgreSQL of its own by SQL, fills a copy of it on, and times every list, search, queue, patient, oversight and
API page in both by turns. A ratio of 1 means that a page does not know how long the clinic has worked.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from tests.bench.reading import throw_away_database
from tests.bench.scale.clinic import Place, tables
from tests.bench.scale.pages import Page, Timing, compare, pages, use
from tests.bench.scale.people import make_clinic
from tests.bench.scale.tables import fill, settle

FEW = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1_000_000, help="how many studies in the end")
    parser.add_argument("--only", default="", help="pages whose name holds one of these words, parted by commas")
    parser.add_argument("--statements", action="store_true", help="print the slowest statement of each page")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var, throw_away_database("bench_scale") as few:
        _set_up(var)
        place, staff = make_clinic()
        _fill(place, 1, FEW)
        # Signed in before the copy: the same people ask both.
        found = pages(staff, only=chosen.only)
        _close()
        with throw_away_database("bench_scale_many", copy_of=few) as many:
            use(many)
            _fill(place, FEW + 1, chosen.n)
            _report(found, [compare(page, few, many) for page in found], chosen)
            _close()


def _set_up(var: str) -> None:
    from tests.bench.reading import set_up

    set_up(var)
    from django.conf import settings
    from django.core.management import call_command

    settings.ALLOWED_HOSTS = ["testserver"]
    # Changed in place: Django may have copied the outer dict.
    static: Any = settings.STORAGES["staticfiles"]
    static["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    call_command("migrate", interactive=False, verbosity=0)


def _fill(place: Place, first: int, last: int) -> None:
    began = time.monotonic()
    fill(tables(place), first, last)
    settle()
    _say(f"{last:,} studies, filled in {time.monotonic() - began:.0f} s; database {_size()}; load {_load()}")


def _report(found: Sequence[Page], timings: Sequence[tuple[Timing, Timing]], chosen: argparse.Namespace) -> None:
    count = f"{chosen.n:,}"
    pairs = sorted(zip(found, timings, strict=True), key=lambda pair: _ratio(*pair[1]), reverse=True)
    _say(
        f"\n{'page':<30}{'1,000: ms':>10}{'queries':>8}{count + ': ms':>15}{'queries':>8}"
        f"{'ratio':>7}{'first':>8}{'query':>8}"
    )
    for page, (small, large) in pairs:
        _say(
            f"{page.name:<30}{small.usual:>10.1f}{small.queries:>8}{large.usual:>15.1f}{large.queries:>8}"
            f"{_ratio(small, large):>7.1f}{large.first:>8.0f}{large.slowest:>8.0f}"
        )
        if chosen.statements:
            _say(f"    {large.statement[:2500]}")
    _say("“first”: the first call at the larger size, with nothing kept; “query”: its slowest one, milliseconds")
    constant = all(small.queries == large.queries for small, large in timings)
    _say(
        f"slowest page at {count} vs {FEW:,} studies: ratio {_ratio(*pairs[0][1]):.1f}; "
        f"queries constant: {'yes' if constant else 'no'}"
    )


def _ratio(small: Timing, large: Timing) -> float:
    return large.usual / small.usual


def _size() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_size_pretty(pg_database_size(current_database()))")
        return str(cursor.fetchone()[0])


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _close() -> None:
    from django.db import connections

    connections.close_all()


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
