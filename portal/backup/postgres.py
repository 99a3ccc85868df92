"""PostgreSQL's own programs, of a version that fits the server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.db.backends.postgresql.client import DatabaseClient

from portal.backup.errors import BackupFailed

INSTALLED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")


def dump(settings: dict[str, Any], *, server: int, snapshot: str, target: Path) -> None:
    """What one transaction sees, in PostgreSQL's custom format. Raises BackupFailed."""
    program = _program("pg_dump", server)
    options = ["--format", "custom", "--no-owner", "--no-privileges", "--snapshot", snapshot, "--file", str(target)]
    _run([str(program), *options, "--dbname", settings["NAME"]], settings)


def restore(settings: dict[str, Any], *, server: int, source: Path) -> None:
    """All of a dump or nothing, into a database that is empty. Raises BackupFailed."""
    program = _program("pg_restore", server)
    options = ["--no-owner", "--no-privileges", "--no-comments", "--exit-on-error", "--single-transaction"]
    _run([str(program), *options, "--dbname", settings["NAME"], str(source)], settings)


def _run(command: Sequence[str], settings: dict[str, Any]) -> None:
    done = subprocess.run(command, env=_environment(settings), capture_output=True, text=True, check=False)
    if done.returncode:
        code = "disk_full" if "No space left" in done.stderr else "program"
        raise BackupFailed(code, f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}")


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    """The password is not an argument, which others could read in the list of processes."""
    _arguments, secrets = DatabaseClient.settings_to_cmd_args_env(settings, [])
    named = {"PGHOST": settings["HOST"], "PGPORT": str(settings["PORT"] or ""), "PGUSER": settings["USER"]}
    return {**os.environ, **(secrets or {}), **{name: value for name, value in named.items() if value}}


def _program(name: str, server: int) -> Path:
    """The oldest that fits the server's major version: an older one than the server refuses to talk to it."""
    found = {major: path for path in _candidates(name) if (major := _major(path))}
    fitting = [major for major in found if major >= server]
    if fitting:
        return found[min(fitting)]
    there = f"only {name} of version {max(found)} is here" if found else f"{name} is not here"
    raise BackupFailed(
        "program",
        f"The server is PostgreSQL {server}, and {there}. Install that version's client programs, for example "
        f"apt-get install postgresql-client-{server}.",
    )


def _candidates(name: str) -> Iterator[Path]:
    folders = [folder for pattern in INSTALLED for folder in sorted(Path("/").glob(pattern.lstrip("/")))]
    for path in [folder / name for folder in folders]:
        if path.exists():
            yield path
    if found := shutil.which(name):
        yield Path(found)


def _major(program: Path) -> int | None:
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\b(\d+)(?:\.\d+|beta|rc|devel)", done.stdout)
    return int(found[1]) if found else None
