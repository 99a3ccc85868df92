"""The health checks of docker/compose.yaml, run as the engine runs them, on a real worker, beat and web server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from pytest_django.live_server_helper import LiveServer

from portal.embedded.process import Process
from portal.embedded.worker import beat_process
from tests.integration.test_broker_down import Broker, other_broker
from tests.integration.test_serve import Portal
from tests.running import Worker, database_url
from tests.slow import eventually

__all__ = ["other_broker"]

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1200)]


def check(service: str) -> list[str]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
    kind, *command = document["services"][service]["healthcheck"]["test"]
    assert kind == "CMD"
    return [str(word) for word in command]


def healthy(service: str, *more: str, **environment: str) -> bool:
    command = [sys.executable if word == "python" else word for word in check(service)]
    done = subprocess.run([*command, *more], cwd=ROOT, env={**os.environ, **environment}, check=False, timeout=180)
    return done.returncode == 0


@pytest.fixture
def alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a worker or beat started after this touches, and that the check looks at."""
    path = tmp_path / "alive"
    monkeypatch.setenv("ALIVE_FILE", str(path))
    return path


@pytest.fixture
def beat(tmp_path: Path, alive: Path, other_broker: Broker) -> Iterator[Process]:
    beat = beat_process(root=ROOT, schedule=tmp_path / "beat" / "schedule", log=tmp_path / "beat.log")
    beat.environment = {"DATABASE_URL": database_url()}
    try:
        beat.start()
        yield beat
    finally:
        beat.stop()


def age(path: Path, seconds: float = 31) -> None:
    """As if `seconds` had passed: the check must not make a test wait for them."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def touches_again(path: Path) -> None:
    age(path)
    before = path.stat().st_mtime
    eventually(lambda: path.stat().st_mtime > before, "a sign of life")


def test_worker_is_healthy_while_it_works(alive: Path, worker: Worker) -> None:
    eventually(lambda: healthy("worker"), "the worker is healthy")
    touches_again(alive)
    assert worker.pid
    os.killpg(worker.pid, signal.SIGSTOP)
    age(alive)
    assert not healthy("worker")
    os.killpg(worker.pid, signal.SIGCONT)
    eventually(lambda: healthy("worker"), "the worker is healthy again")
    worker.kill()
    age(alive)
    assert not healthy("worker")


def test_worker_without_its_broker_is_not_healthy(alive: Path, other_broker: Broker, tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    try:
        worker.start()
        eventually(lambda: healthy("worker"), "the worker is healthy")
        touches_again(alive)
        other_broker.stop()
        eventually(lambda: "Connection to broker lost" in worker.log.read_text(), "the worker notices")
        age(alive)
        assert not healthy("worker")
        other_broker.start()
        eventually(lambda: healthy("worker"), "the worker is healthy again")
        touches_again(alive)
    finally:
        worker.stop()


def test_beat_is_healthy_while_it_sends(alive: Path, beat: Process, other_broker: Broker) -> None:
    eventually(lambda: healthy("beat"), "the beat is healthy")
    touches_again(alive)
    other_broker.stop()
    age(alive)
    assert not healthy("beat")
    other_broker.start()
    eventually(lambda: healthy("beat"), "the beat is healthy again")
    assert beat.pid
    os.kill(beat.pid, signal.SIGSTOP)
    age(alive)
    assert not healthy("beat")


def test_nothing_is_healthy_before_it_started(alive: Path) -> None:
    assert not healthy("worker")
    assert not healthy("beat")


def test_web_is_healthy_while_it_answers(start_portal: Callable[..., Portal]) -> None:
    portal = start_portal(ALLOWED_HOSTS=".example.org")
    portal.wait_until_up()
    assert healthy("web", str(portal.port), ALLOWED_HOSTS=".example.org")
    portal.close()
    assert not healthy("web", str(portal.port), ALLOWED_HOSTS=".example.org")


@pytest.mark.parametrize("hosts", ["localhost", "portal.example.org,localhost", ".example.org", "*"])
def test_web_is_asked_by_a_name_that_it_answers_to(live_server: LiveServer, settings: Any, hosts: str) -> None:
    port = str(urlsplit(live_server.url).port)
    settings.ALLOWED_HOSTS = hosts.split(",")
    assert healthy("web", port, ALLOWED_HOSTS=hosts)
    settings.ALLOWED_HOSTS = ["elsewhere.example.net"]
    assert not healthy("web", port, ALLOWED_HOSTS=hosts)
