import os
import signal
import sys
from pathlib import Path

import pytest

from portal.embedded.errors import Crashed
from portal.embedded.process import Process
from portal.embedded.supervisor import RESTARTS, Supervisor
from tests.unit.embedded.test_process import SLEEP, wait_for


def process(name: str, command: list[str], folder: Path) -> Process:
    return Process(name=name, command=command, log=folder / f"{name}.log")


def test_killed_process_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor, part = Supervisor(said.append), process("worker", SLEEP, tmp_path)
    supervisor.start(part)
    first = part.pid
    assert first
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not part.running)
    supervisor.watch()
    assert part.running
    assert part.pid != first
    assert said == ["The worker stopped (status -9); starting it again."]
    supervisor.stop()
    assert not part.running


def test_process_that_keeps_stopping_is_given_up_with_a_sentence(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor, part = (
        Supervisor(said.append),
        process("worker", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path),
    )
    supervisor.start(part)

    def watch() -> bool:
        wait_for(lambda: not part.running)
        supervisor.watch()
        return True

    with pytest.raises(Crashed, match=r"^The worker stopped 6 times in a row: read .*worker\.log"):
        while watch():
            pass
    assert len(said) == RESTARTS
    supervisor.stop()


def test_stops_in_reverse_order(tmp_path: Path) -> None:
    order = tmp_path / "order"
    supervisor = Supervisor(print)
    for name in ("broker", "worker", "web"):
        code = (
            "import signal, sys, time\n"
            f"def end(*_):\n    open({str(order)!r}, 'a').write('{name} '); sys.exit()\n"
            "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(600)"
        )
        part = process(name, [sys.executable, "-c", code], tmp_path)
        supervisor.start(part)
        wait_for(lambda part=part: "up" in part.log.read_text())  # type: ignore[misc]
    supervisor.stop()
    assert order.read_text().split() == ["web", "worker", "broker"]
