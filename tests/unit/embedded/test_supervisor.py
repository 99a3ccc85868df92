import os
import signal
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from portal.embedded.process import Process
from portal.embedded.supervisor import CALM_SECONDS, Supervisor
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


def test_a_process_that_keeps_stopping_is_tried_less_and_less_often_and_never_given_up(tmp_path: Path) -> None:
    said: list[str] = []
    clock = [0.0]
    supervisor = Supervisor(said.append, now=lambda: clock[0])
    steady, part = process("web", SLEEP, tmp_path), process("worker", [sys.executable, "-c", ""], tmp_path)
    for one in (steady, part):
        supervisor.start(one)
    starts = []
    for _ in range(9):
        wait_for(lambda: not part.running)
        before = part.pid
        while part.pid == before:
            supervisor.watch()
            clock[0] += 0.5
        starts.append(clock[0] - 0.5)
    waited = [later - earlier for earlier, later in pairwise(starts)]
    assert waited == [1.5, 2.5, 4.5, 8.5, 16.5, 32.5, 60.5, 60.5]
    assert said[0] == "The worker stopped (status 0); starting it again."
    assert said[-1] == f"The worker stopped (status 0); starting it again in 60 s; {part.log} has the reason."
    assert steady.running
    supervisor.stop()


def test_a_process_that_ran_for_long_is_started_again_at_once(tmp_path: Path) -> None:
    said: list[str] = []
    clock = [0.0]
    supervisor, part = Supervisor(said.append, now=lambda: clock[0]), process("worker", SLEEP, tmp_path)
    supervisor.start(part)
    for _ in range(3):
        clock[0] += CALM_SECONDS + 1
        part.stop()
        supervisor.watch()
        assert part.running
    assert {sentence.split(";")[1] for sentence in said} == {" starting it again."}
    supervisor.stop()


def test_a_process_that_cannot_be_started_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    clock = [0.0]
    supervisor, part = Supervisor(said.append, now=lambda: clock[0]), process("worker", SLEEP, tmp_path)
    supervisor.start(part)
    part.stop()
    with monkeypatch.context() as full:
        full.setattr(part, "start", lambda: os.write(os.open("/dev/full", os.O_WRONLY), b"x"))
        supervisor.watch()
    assert said[-1].startswith("The worker cannot start ([Errno 28] No space left on device); starting it again in 1 s")
    supervisor.watch()
    assert not part.running
    clock[0] += 1
    supervisor.watch()
    assert part.running
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
