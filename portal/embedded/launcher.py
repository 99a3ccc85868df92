"""Starts the portal on this machine and keeps it running until it is told to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.core.management import call_command

from portal import mail
from portal.embedded import broker, listener, lock, outside, port, private, static_files, web, worker
from portal.embedded.errors import CannotStart, StopRequested
from portal.embedded.process import Process
from portal.embedded.socket_path import socket_path
from portal.embedded.supervisor import Supervisor

STEP_SECONDS = 0.2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Launcher:
    """The embedded portal: broker (unless REDIS_URL names one), web server, two workers, beat.

    `say` takes the sentences meant for the person at the terminal.
    """

    def __init__(self, *, host: str, port: int, say: Callable[[str], None]) -> None:
        self.host = host
        self.port = port
        self.say = say
        self.var = Path(settings.VAR_ROOT)
        self.logs = self.var / "log"
        self.supervisor = Supervisor(say)
        self.stopping = False

    @property
    def address(self) -> str:
        return f"http://{web.bracketed(web.reachable(self.host))}:{self.port}/"

    @contextmanager
    def running(self) -> Iterator[None]:
        """The portal runs inside this block: everything is up when it begins, everything is gone when it ends."""
        self._close_files()
        with lock.take(self.var / "running.lock"), self._stop_on_signals():
            port.check_free(self.host, self.port)
            os.environ["PORT"] = str(self.port)  # mails of the parts that start now name it
            try:
                self._start()
                self._say_what_is_missing()
                yield
            finally:
                self._stop()

    def step(self) -> bool:
        """Watch the parts for a moment. Returns whether to go on."""
        self.supervisor.watch()
        if not self.stopping:
            time.sleep(STEP_SECONDS)
        return not self.stopping

    def _close_files(self) -> None:
        private_root = Path(settings.PRIVATE_ROOT)
        folders = [self.var] if private_root.is_relative_to(self.var) else [self.var, private_root]
        if opened := sum(private.close(folder) for folder in folders):
            self.say(f"Other accounts of this machine could read {opened} files and folders of the portal; closed.")

    def _say_what_is_missing(self) -> None:
        if not mail.leaves():
            self.say(f"{mail.MISSING} {mail.WHAT_TO_DO}")

    def _check_start(self) -> None:
        """Nothing is started again before it ran once: what stops now has a reason that stays."""
        if self.stopping:
            raise StopRequested
        for process in self.supervisor.stopped():
            raise CannotStart(f"The {process.name} stopped while it started: read {process.log} for the reason.")

    def _stop(self) -> None:
        if self.supervisor.watched:
            self.say("Stopping …")
            self.supervisor.stop()
            self.say("Stopped.")

    def _start(self) -> None:
        if os.environ.get("REDIS_URL"):
            outside.check_broker()
        else:
            self._start_broker()
        outside.check_database()
        call_command("migrate", interactive=False, verbosity=0)
        self._collect_static_files()
        # The web server last, so that it stops first: no upload finds the worker gone.
        for process in self._workers():
            self.supervisor.start(process)
        self.supervisor.start(self._beat())
        if settings.DICOM_PORT:
            self.supervisor.start(listener.listener_process(root=settings.BASE_DIR, log=self.logs / "listener.log"))
        self.supervisor.start(self._web())
        self._wait_for_web()

    def _start_broker(self) -> None:
        socket, data = socket_path(self.var), self.var / "broker" / "data"
        process = broker.broker_process(broker.server_binary(), socket=socket, data=data, log=self.logs / "broker.log")
        if self._broker_ready(process, socket, data):
            return
        aside = broker.set_aside(data)
        self.say(f"The broker could not read its files, now in {aside}; open analyses will be sent again.")
        if not self._broker_ready(process, socket, data):
            raise CannotStart(f"The broker does not start: read {process.log} for the reason.")

    def _broker_ready(self, process: Process, socket: Path, data: Path) -> bool:
        broker.prepare(socket=socket, data=data)
        process.start()
        if broker.wait_until_ready(process, socket):
            self.supervisor.adopt(process)
            return True
        process.stop()
        return False

    def _wait_for_web(self) -> None:
        if not web.wait_until_ready(self.host, self.port, meanwhile=self._check_start):
            raise CannotStart(f"The web server does not answer: read {self.logs / 'web.log'} for the reason.")

    def _collect_static_files(self) -> None:
        static_files.collect_when_stale()

    def _web(self) -> Process:
        return web.web_process(host=self.host, port=self.port, root=settings.BASE_DIR, log=self.logs / "web.log")

    def _workers(self) -> list[Process]:
        return worker.worker_processes(root=settings.BASE_DIR, logs=self.logs)

    def _beat(self) -> Process:
        schedule = self.var / "beat" / "schedule"
        return worker.beat_process(root=settings.BASE_DIR, schedule=schedule, log=self.logs / "beat.log")

    @contextmanager
    def _stop_on_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._on_signal) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:  # asked twice: no more patience
            self.supervisor.hurry()
        self.stopping = True
