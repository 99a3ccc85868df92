"""What can be counted of how safe the portal is, in one line: `python -m tests.bench.safe`, or `make bench-safe`.

Each number comes from the tool or test that measures it; this one calls them, each as a process of its own, and reads
their last lines. `--only` names some of them.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MANAGE = (sys.executable, "manage.py")
# A clinic with images, results and a reading.
MADE = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
django.setup()
from tests.fuzz.requests import make_world
make_world()
"""


def cells(_: argparse.Namespace) -> str:
    """Of docs/authorisation.md, which the test compares with what everybody gets."""
    said = _test("tests/integration/test_authorisation_matrix.py")
    return _last(said, "authorisation cells") or "authorisation cells ?, open ?"


def fuzz(chosen: argparse.Namespace) -> str:
    said = _run([sys.executable, "-m", "tests.fuzz", "-n", str(chosen.cases), "--seed", str(chosen.seed)])
    return _last(said, "fuzz ") or "fuzz ? cases, ? crashes, ? hangs"


def escape(_: argparse.Namespace) -> str:
    return _last(_run([sys.executable, "-m", "tests.escape"]), "escape rows") or "escape rows ?, blocked ?"


def doors(_: argparse.Namespace) -> str:
    said = _run([sys.executable, "-m", "tests.bench.doors"])
    return _last(said, "half-open connections") or "half-open connections ?, page p95 ratio ?"


def audit(_: argparse.Namespace) -> str:
    said = _run([sys.executable, "-m", "tests.bench.audit_cost"])
    return _last(said, "audit overhead") or "audit overhead ? %"


def planted(_: argparse.Namespace) -> str:
    """The test fails where a name is found, and then says where."""
    said = _test("tests/integration/test_planted_names.py")
    return _last(said, "planted names found") or "planted names found ?"


def restore(_: argparse.Namespace) -> str:
    """A small clinic is backed up, encrypted, restored into an empty place and compared by the command itself."""
    with tempfile.TemporaryDirectory(prefix="portal-safe-") as folder:
        place = Path(folder)
        key, backup = str(place / "key"), str(place / "backup")
        # The audit key is kept apart from backups.
        shared = {"AUDIT_KEY": "of a clinic that is restored"}
        first = {**shared, **_place(place / "one")}
        _run([*MANAGE, "migrate", "--verbosity", "0"], **first)
        _run([sys.executable, "-c", MADE], **first)
        recipient = re.search(r"age1\w+", _run([*MANAGE, "backup", "--new-key", key], **first))
        _run([*MANAGE, "backup", "--to", backup, "--recipient", recipient[0] if recipient else ""], **first)
        said = _run([*MANAGE, "restore", backup, "--identity", key], **shared, **_place(place / "two"))
    return f"restore equal {'yes' if said.rstrip().endswith('Restored and equal') else 'no'}"


def _place(folder: Path) -> dict[str, str]:
    return {
        "PORTAL_VAR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "PRIVATE_ROOT": str(folder / "private"),
    }


MEASURES: dict[str, Callable[[argparse.Namespace], str]] = {
    one.__name__: one for one in (cells, fuzz, escape, doors, audit, planted, restore)
}


def main() -> None:
    chosen = _chosen()
    print("; ".join(_told(name, chosen) for name in MEASURES if name in chosen.only))


def _told(name: str, chosen: argparse.Namespace) -> str:
    found = MEASURES[name](chosen)
    sys.stderr.write(f"{found}\n")
    return found


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--cases", type=int, default=20_000, help="of the fuzz")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    return parser.parse_args()


def _test(path: str) -> str:
    return _run([sys.executable, "-m", "pytest", path, "-q", "-s", "-p", "no:cacheprovider"])


def _run(command: Sequence[str], **environment: str) -> str:
    """What it said; a failure is told, and leaves its numbers unknown."""
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(f"{' '.join(command)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}\n")
    return done.stdout


def _last(said: str, begin: str) -> str:
    return next((line for line in reversed(said.splitlines()) if line.startswith(begin)), "")


if __name__ == "__main__":
    main()
