"""The real thing as `make run` starts it: everything comes up, and nothing stays behind."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from portal.parent_death import die_with_parent
from tests.ports import own_port

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 240

# Each starts a whole portal, and some wait for several parts of it.
pytestmark = pytest.mark.timeout(4 * SECONDS)


class Portal:
    """`manage.py serve` on a port and a data folder of its own."""

    def __init__(self, var: Path, *, host: str = "127.0.0.1", **settings: str) -> None:
        self.var = var
        self.port = own_port()
        self._seen: set[int] = set()
        self._output = (var / "console").open("wb")
        self.launcher = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--host", host, "--port", str(self.port)],
            cwd=ROOT,
            env={**environment(var), **settings},
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # A test run that is ended by force takes it along.
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGKILL),  # noqa: PLW1509  see Process
        )

    @property
    def console(self) -> str:
        return (self.var / "console").read_text()

    def wait_until_up(self) -> None:
        wait_for(lambda: "The portal is at" in self.console or self.launcher.poll() is not None)
        assert self.launcher.poll() is None, self.console

    def ask(self, path: str, *, host: str = "127.0.0.1") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    @property
    def ready(self) -> bool:
        try:
            return self.ask("/readyz")[0] == 200
        except (OSError, http.client.HTTPException):  # it ended in the middle of its answer
            return False

    def processes(self) -> set[int]:
        """Those that belong to this portal and are alive: with its data folder, or descendants of one seen earlier."""
        parents = _parents()
        family = {self.launcher.pid} | self._seen | {pid for pid in parents if self._marked(pid)}
        while grown := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= grown
        self._seen = family
        return family & parents.keys()

    def _marked(self, pid: int) -> bool:
        """Whatever became of its parent, a process keeps the environment that the launcher gave it."""
        return f"PORTAL_VAR={self.var}".encode() in _read(Path(f"/proc/{pid}/environ")).split(b"\0")

    def working(self) -> bool:
        """Whether the workers take jobs, and so have their pools."""
        logs = [self.var / "log" / name for name in ("worker.log", "short.log")]
        return all(log.exists() and " ready." in log.read_text() for log in logs)

    def part(self, name: str) -> int | None:
        """The process that the launcher started as celery, gunicorn or broker.sock; None while there is none."""
        for pid, parent in _parents().items():
            if parent == self.launcher.pid and name in _command(pid):
                return pid
        return None

    def close(self) -> None:
        """End it by force, and prove that nothing of it is left."""
        self.launcher.kill()
        self.launcher.wait()
        self._output.close()
        try:
            wait_for(lambda: self.processes() == set())
        finally:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)


def environment(var: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS"):
        ours.pop(name, None)
    return {**ours, "PORTAL_VAR": str(var)}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""


def _command(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline")).decode().replace("\0", " ")


def _parents() -> dict[int, int]:
    """Living process → its parent, for the whole machine."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        state, parent, *_ = _read(path).rpartition(b")")[2].split() or (b"Z", b"0")
        if state != b"Z":
            found[int(path.parent.name)] = int(parent)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


@pytest.fixture
def portal(start_portal: Callable[..., Portal]) -> Portal:
    portal = start_portal()
    portal.wait_until_up()
    return portal


def test_comes_up_whole_and_goes_down_whole(portal: Portal) -> None:
    status, body = portal.ask("/readyz")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    assert portal.ask("/")[0] == 200
    portal.launcher.send_signal(signal.SIGINT)
    assert portal.launcher.wait(SECONDS) == 0, portal.console
    # What it has killed at its end may not have given back its memory yet.
    wait_for(lambda: portal.processes() == set())


def test_killed_parts_come_back(portal: Portal) -> None:
    for name in ("--queues celery", "--queues short", "celery --app portal beat", "gunicorn", "broker.sock"):
        before = portal.part(name)
        assert before, portal.console
        os.kill(before, signal.SIGKILL)
        wait_for(lambda before=before, name=name: portal.part(name) not in {before, None})  # type: ignore[misc]
    wait_for(lambda: portal.ready)


def test_nothing_outlives_a_killed_launcher(portal: Portal) -> None:
    wait_for(portal.working)
    # Launcher, broker, two web processes and their parent, two workers, their pools, the beat.
    assert len(portal.processes()) >= 11
    portal.launcher.kill()
    portal.launcher.wait()
    wait_for(lambda: portal.processes() == set())


def test_nothing_outlives_a_launcher_that_is_killed_while_its_worker_starts(portal: Portal) -> None:
    worker = portal.part("--queues celery")
    assert worker, portal.console
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: "starting it again" in portal.console)
    portal.launcher.kill()
    portal.launcher.wait()
    wait_for(lambda: portal.processes() == set())


def test_second_one_is_refused_with_a_sentence(portal: Portal) -> None:
    again = subprocess.run(
        [sys.executable, "manage.py", "serve", "--port", str(portal.port)],
        cwd=ROOT,
        env=environment(portal.var),
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 1
    assert f"already runs from {portal.var} (process {portal.launcher.pid})" in again.stderr
    assert "Traceback" not in again.stderr
