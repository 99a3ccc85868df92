"""Fuzz the intake and every address: `python -m tests.fuzz -n 20000 --seed 7`.

The same seed gives the same cases. What crashed or hung is written to a folder, with what was said of it; the last line
counts. Exits with 1 where there is any.

`--contract 100` sends the API what its schema describes, and judges the answers by that schema.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from tests.bench.reading import set_up, throw_away_database


def main() -> int:
    chosen = _chosen()
    with tempfile.TemporaryDirectory(prefix="portal-fuzz-") as var, throw_away_database("fuzz"):
        set_up(var)
        return _hold_to_contract(chosen) if chosen.contract else _fuzz(chosen)


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", "--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case, to repeat one")
    parser.add_argument("--folder", type=Path, default=Path("var/fuzz"), help="where faults are written")
    parser.add_argument("--contract", type=int, default=0, help="instead: so many requests of each kind an operation")
    return parser.parse_args()


def _fuzz(chosen: argparse.Namespace) -> int:
    from tests.fuzz import files, requests
    from tests.fuzz.cases import Outcome, run

    _prepare()
    sources = (files.source, requests.source(requests.make_world()))
    tally = run(sources, count=chosen.cases, seed=chosen.seed, folder=chosen.folder, first=chosen.first)
    words = [f"{count:6d} {word}" for word, count in tally.words.most_common(40)]
    sys.stdout.write("\n".join([*words, *tally.lines(), ""]))
    return int(bool(tally.of(Outcome.CRASH) + tally.of(Outcome.HANG)))


def _hold_to_contract(chosen: argparse.Namespace) -> int:
    from tests.fuzz import contract

    _prepare()
    made = contract.make_contract()
    contract.run(made, examples=chosen.contract, seed_of=chosen.seed)
    sys.stdout.write("\n".join([*made.lines(), ""]))
    return int(bool(made.faults))


def _prepare() -> None:
    from django.conf import settings
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    logging.disable(logging.CRITICAL)
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", interactive=False, verbosity=0)
    setup_test_environment()


if __name__ == "__main__":
    sys.exit(main())
