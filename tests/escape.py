"""What can code do that has taken over the decoding of a file? The real helper, with an attacker in place of a decoder.

    python -m tests.escape [LAYER …]

prints every attempt with what came of it: by default with all layers of ml.confinement, or with those that are named.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from ml.confinement import ALL, Layer, Report
from ml.imaging import helper_process
from ml.imaging.errand import HelperOptions
from ml.imaging.limits import DEFAULT_LIMITS
from tests.attacker import ATTEMPTS, Scene

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60
# What an attempt says that succeeded.
SUCCEEDED = "succeeded"


@dataclass(frozen=True)
class Escape:
    """`outcomes`: attempt → SUCCEEDED or the reason why not; `report`: what the process was shut in by."""

    outcomes: dict[str, str]
    report: Report

    @property
    def succeeded(self) -> set[str]:
        return {name for name, outcome in self.outcomes.items() if outcome == SUCCEEDED}


def escape(layers: Collection[Layer] = ALL) -> Escape:
    """Try everything, each in a process of its own, from inside the real helper."""
    with scene() as there, mock.patch.object(helper_process, "command", lambda options: _command(options, there)):
        helper = helper_process.HelperProcess(DEFAULT_LIMITS, seconds=SECONDS, layers=layers)
        try:
            return Escape({name: _tried(helper, name) for name in ATTEMPTS}, helper.report)
        finally:
            helper.stop()


def at_liberty() -> dict[str, str]:
    """Attempt → outcome where nothing holds the attacker, because an attempt that never succeeds proves nothing."""
    with scene() as there:
        lines = subprocess.check_output(_python("at_liberty", json.dumps(asdict(there))), text=True).splitlines()
    return dict(json.loads(line) for line in lines)


def _tried(helper: helper_process.HelperProcess, name: str) -> str:
    note, _, _ = helper.ask({"attempt": name}, b"", SECONDS, owner=None)
    return str(note["outcome"])


def _command(options: HelperOptions, scene: Scene) -> list[str]:
    return _python("main", json.dumps(asdict(options)), json.dumps(asdict(scene)))


def _python(function: str, *arguments: str) -> list[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests import attacker; attacker.{function}()"
    return [sys.executable, "-P", "-s", "-c", code, *arguments]


@contextmanager
def scene() -> Iterator[Scene]:
    """Things worth having: a secret, an original, a database, a server on this machine, another process."""
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server, _victim() as victim:
        root = Path(folder)
        (root / "place").mkdir()
        for name in ("secret.key", "original.dcm"):
            (root / name).write_bytes(b"A" * 4096)
        with closing(sqlite3.connect(root / "db.sqlite3")) as database:
            database.execute("CREATE TABLE patient (name TEXT)")
        with socket.socket(socket.AF_UNIX) as broker:
            broker.bind(str(root / "broker.sock"))
            broker.listen()
            yield Scene(folder, server.getsockname()[1], victim)


@contextmanager
def _victim() -> Iterator[int]:
    """Another process of the same account, with a secret in its environment."""
    with subprocess.Popen(["sleep", "600"], env={"PATH": os.defpath, "SECRET_KEY": "of the portal"}) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def main(arguments: list[str]) -> int:
    found = escape([Layer(name) for name in arguments] or ALL)
    lines = [*found.report.lines(), *(f"{name:45s} {outcome}" for name, outcome in found.outcomes.items())]
    blocked = len(found.outcomes) - len(found.succeeded)
    sys.stdout.write("\n".join([*lines, f"escape rows {len(found.outcomes)}, blocked {blocked}", ""]))
    return int(bool(found.succeeded))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
