"""One machine runs on SQLite: what depends on the database is tested there once more."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(2400)  # a run of its own, with every test that is marked for it
@pytest.mark.skipif(os.environ.get("TEST_DATABASE_URL", "").startswith("sqlite"), reason="this is that run")
def test_holds_on_sqlite_too(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    environment["TEST_DATABASE_URL"] = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    run = [sys.executable, "-m", "pytest", "-q", "-m", "both_databases", "-p", "no:cacheprovider", "-n", "0", "tests"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) > 0
    assert "skipped" not in done.stdout.splitlines()[-1]
