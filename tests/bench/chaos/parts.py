"""The parts of the hospital as processes that may be killed at any moment and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import psutil

from portal.embedded.process import Process
from portal.parent_death import die_with_parent
from tests import orthanc, servers

ARCHIVE = orthanc.TITLE
STEP_SECONDS = 0.2


class Part(Protocol):
    """`kill` ends every process of it at once, as `kill -9` does."""

    @property
    def running(self) -> bool: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...


class Programs:
    """Processes of the portal, or Orthanc, that live and die together."""

    def __init__(self, *processes: Process) -> None:
        self._processes = processes

    @property
    def running(self) -> bool:
        return all(process.running for process in self._processes)

    def start(self) -> None:
        for process in self._processes:
            if not process.running:
                process.sweep()
                process.start()

    def kill(self) -> None:
        for process in self._processes:
            if process.pid:
                _kill(process.pid)
            process.stop()


class Database:
    """PostgreSQL as its package sets it up: it flushes to the disk, and commits before it answers."""

    def __init__(self, folder: Path, port: int) -> None:
        self._data, self._log, self._port = folder / "postgres", folder / "postgres.log", port
        self._binaries, self._owner = servers.find_binaries(), servers.owner_of_server()
        self._server: subprocess.Popen[bytes] | None = None
        self._data.mkdir()
        self._owner.give(self._data)
        servers.initialise(self._binaries, self._data, self._owner)

    @property
    def url(self) -> str:
        return f"postgres://portal@127.0.0.1:{self._port}/postgres"

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def start(self) -> None:
        command = [str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self._port)]
        with self._log.open("ab") as output:
            self._server = subprocess.Popen(
                [*command, "-k", "", "-h", "127.0.0.1"],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGINT),  # noqa: PLW1509  one thread runs here
                **self._owner.popen,  # type: ignore[call-overload]
            )

    def kill(self) -> None:
        if self._server:
            _kill(self._server.pid)
            self._server.wait()


def _kill(pid: int) -> None:
    """It and its children, which need not be of its group; a server with a child left would not start again."""
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        everyone = [first, *first.children(recursive=True)]
        for process in everyone:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everyone[1:], timeout=10)


class Archive:
    """Debian's Orthanc, asked over HTTP what it has."""

    def __init__(self, folder: Path, dicom_port: int, web_port: int) -> None:
        self._web = web_port
        started = orthanc.command(folder / "orthanc", dicom=dicom_port, web=web_port)
        self.process = Process(name="Orthanc", command=started, log=folder / "log" / "orthanc.log")

    def asked(self, path: str) -> Any:
        return orthanc.asked(self._web, path)

    @property
    def count(self) -> int:
        """Objects that it has; 0 while it does not answer."""
        try:
            return orthanc.count(self._web)
        except (OSError, ValueError):
            return 0


class Hospital:
    """Its parts by name. One that ends by itself, because another is away, is started again, as a supervisor does."""

    def __init__(self, parts: Mapping[str, Part], say: Callable[[str], None]) -> None:
        self._parts, self._say = parts, say
        self._away: set[str] = set(parts)

    def start(self, *names: str) -> None:
        for name in names:
            self._parts[name].start()
            self._away.discard(name)

    def kill(self, name: str) -> None:
        self._away.add(name)
        self._parts[name].kill()

    def stop(self) -> None:
        for name in reversed([*self._parts]):
            self.kill(name)

    def run(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Let it work for so long, or until something is true, which is returned."""
        deadline = time.monotonic() + seconds
        while not (reached := until()) and time.monotonic() < deadline:
            time.sleep(STEP_SECONDS)
            self._watch()
        return reached

    def _watch(self) -> None:
        for name, part in self._parts.items():
            if name not in self._away and not part.running:
                self._say(f"the {name} ended by itself; started again")
                part.kill()
                time.sleep(1)
                part.start()
