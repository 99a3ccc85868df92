"""Real child processes: none may outlive its launcher."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.embedded import process as process_module
from portal.embedded.process import Process

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def started(command: list[str], folder: Path, **options: float) -> Process:
    process = Process(name="part", command=command, log=folder / "log" / "part.log", **options)
    process.start()
    wait_for(lambda: "up" in process.log.read_text())
    return process


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie, which waits for its parent to look, counts)."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_stop_is_polite_first(tmp_path: Path) -> None:
    process = started(SLEEP, tmp_path)
    process.stop()
    assert process.exit_status == -signal.SIGTERM


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    process = started(STUBBORN, tmp_path, patience=0.2)
    process.stop()
    assert process.exit_status == -signal.SIGKILL


def test_stop_leaves_no_grandchild(tmp_path: Path) -> None:
    code = (
        f"import subprocess, time; child = subprocess.Popen({SLEEP!r}, stdout=subprocess.DEVNULL);"
        "print(child.pid, 'up', flush=True); time.sleep(600)"
    )
    process = started([sys.executable, "-c", code], tmp_path)
    grandchild = int(process.log.read_text().split()[0])
    assert not gone(grandchild)
    process.stop()
    wait_for(lambda: gone(grandchild))


@pytest.mark.parametrize(("command", "death_signal"), [(SLEEP, "SIGTERM"), (STUBBORN, "SIGKILL")])
def test_child_ends_when_its_launcher_is_killed(tmp_path: Path, command: list[str], death_signal: str) -> None:
    log = tmp_path / "part.log"
    code = (
        "import signal, time; from pathlib import Path; from portal.embedded.process import Process;"
        f"p = Process(name='part', command={command!r}, log=Path({str(log)!r}), death_signal=signal.{death_signal});"
        "p.start(); print(p.pid, flush=True); time.sleep(600)"
    )
    root = Path(process_module.__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root) as launcher:
        assert launcher.stdout
        child = int(launcher.stdout.readline())
        wait_for(lambda: "up" in log.read_text())
        assert not gone(child)
        os.kill(launcher.pid, signal.SIGKILL)
        launcher.wait()
        wait_for(lambda: gone(child))


def test_long_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "LOG_BYTES", 10)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "part.log").write_text("x" * 11)
    started(SLEEP, tmp_path).stop()
    assert (tmp_path / "log" / "part.log.1").read_text() == "x" * 11
