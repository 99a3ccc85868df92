"""Decode files from outside in a helper process that may hang or die without harm."""

import fcntl
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import numpy as np

from ml.imaging.facts import Fact
from ml.imaging.greyscale import Greyscale
from ml.imaging.header import DicomHeader
from ml.imaging.image import DecodedImage
from ml.imaging.limits import DEFAULT_LIMITS, Limits
from ml.imaging.refusal import ImageRefused
from ml.imaging.wire import (
    Message,
    fact_from_note,
    facts_from_note,
    greyscale_from_note,
    header_from_note,
    read_message,
    write_message,
)

logger = logging.getLogger(__name__)

# Room for the largest accepted picture in its intermediate forms, on top of the libraries.
MEMORY_BYTES = 3 * 1024**3
# Decoders leak a little; a fresh helper now and then costs half a second.
FILES_PER_HELPER = 500
START_SECONDS = 60.0
_ROOT = Path(__file__).resolve().parents[2]
_PIPE_BYTES = 1024 * 1024
_GONE = (EOFError, OSError, ValueError)


class SandboxFailed(RuntimeError):
    """No helper could be started: a fault of this installation and not of a file."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an accepted file holds; `preview` is an 8-bit grey PNG when it was asked for.

    `header`, `pixel_sha256`, `not_classified`, `facts` and `taken_at` as in DecodedImage.
    """

    format: str
    width: int
    height: int
    bits: int
    header: DicomHeader | None
    pixel_sha256: str
    preview: bytes | None = None
    not_classified: Fact | None = None
    facts: tuple[Fact, ...] = ()
    taken_at: datetime | None = None


def _slow(seconds: float) -> ImageRefused:
    return ImageRefused("too-slow", seconds=f"{seconds:g}")


def _environment() -> dict[str, str]:
    """No secret of ours reaches the helper, and no library starts threads of its own."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _command(limits: Limits) -> list[str]:
    interpreter = [sys.executable, "-P", "-s", "-m", "ml.imaging.helper"]
    return [*interpreter, str(MEMORY_BYTES), str(limits.max_bytes)]


def _stop(process: subprocess.Popen[bytes], owner: int) -> None:
    """End and reap the helper; a forked copy of its owner leaves it alone."""
    if os.getpid() == owner:
        process.kill()
        process.wait()
    else:
        process.returncode = 0  # not our child: nothing to wait for
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe:
                pipe.close()


class _Helper:
    """One helper process; used by one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self._process = subprocess.Popen(
            _command(limits),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd="/",
            start_new_session=True,  # Ctrl-C in a terminal is for its owner
        )
        self.stop = weakref.finalize(self, _stop, self._process, os.getpid())
        self._uses = 0
        self._longest_reply = limits.max_pixels * 5 + _PIPE_BYTES
        self._widen_pipes()
        self._await_start()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        incoming, outgoing = self._process.stdin, self._process.stdout
        if incoming is None or outgoing is None:
            raise OSError("the helper has no pipes")
        return incoming, outgoing

    def _widen_pipes(self) -> None:
        """Larger pipes mean fewer switches between the processes; Linux only."""
        for pipe in self._pipes():
            with suppress(AttributeError, OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def _await_start(self) -> None:
        """Imports take a second and more; no file is blamed for them."""
        try:
            with self._killed_after(START_SECONDS):
                read_message(self._pipes()[1], self._longest_reply)
        except _GONE as error:
            self.stop()
            raise SandboxFailed("the decoding helper did not start") from error

    @property
    def fit(self) -> bool:
        alive = self.stop.alive and self._process.poll() is None
        return alive and self._uses < FILES_PER_HELPER

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[threading.Event]:
        expired = threading.Event()

        def end() -> None:
            expired.set()
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield expired
        finally:
            timer.cancel()

    def ask(self, note: dict[str, Any], data: bytes, seconds: float) -> Message:
        """Raises ImageRefused when the file was too much for the helper."""
        self._uses += 1
        with self._killed_after(seconds) as expired:
            try:
                return self._exchange(note, data)
            except _GONE as error:
                logger.warning("the decoding helper was lost", exc_info=True)
                self.stop()
                out_of_time = expired.is_set() or self._process.returncode == -signal.SIGXCPU
                raise (_slow(seconds) if out_of_time else ImageRefused("decoder-crashed")) from error
            except BaseException:  # interrupted between question and answer
                self.stop()
                raise

    def _exchange(self, note: dict[str, Any], data: bytes) -> Message:
        incoming, outgoing = self._pipes()
        write_message(incoming, note, data)
        return read_message(outgoing, self._longest_reply)


class Sandbox:
    """Decode in helper processes: started when first needed, reused, replaced when lost.

    Safe to share between threads and to inherit through a fork. `helpers` is how many
    files may be decoded at the same time; further callers wait.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS, *, seconds: float = 10, helpers: int = 1) -> None:
        self.limits = limits
        self.seconds = seconds
        self._count = helpers
        self._open()
        ours = weakref.WeakMethod(self._open)
        os.register_at_fork(after_in_child=lambda: _call(ours()))

    def _open(self) -> None:
        """Forget every helper; after a fork they are the parent's."""
        self._idle: queue.LifoQueue[_Helper | None] = queue.LifoQueue()
        for _ in range(self._count):
            self._idle.put(None)

    @contextmanager
    def _lent(self) -> Iterator[_Helper]:
        idle = self._idle
        helper = idle.get()
        try:
            if helper is None or not helper.fit:
                if helper is not None:
                    helper.stop()
                helper = None  # should the start fail, the slot stays empty
                helper = _Helper(self.limits)
            yield helper
        finally:
            idle.put(helper)

    def _ask(
        self, data: bytes, *, preview_side: int | None = None, pixels: bool = False, greyscale: bool = False
    ) -> Message:
        self.limits.check_bytes(len(data))
        note = {
            "limits": asdict(self.limits),
            "seconds": self.seconds,
            "preview_side": preview_side,
            "pixels": pixels,
            "greyscale": greyscale,
        }
        with self._lent() as helper:
            message = helper.ask(note, data, self.seconds)
        if "refused" in message[0]:
            raise _refused(*message[0]["refused"])
        return message

    def inspect(self, data: bytes, *, preview_side: int | None = None) -> Inspection:
        """Decode and describe; with `preview_side` also draw it, at most so many pixels long.

        Raises ImageRefused, also when the file takes too long or breaks the decoder, and
        SandboxFailed when no helper can be started.
        """
        note, preview, _ = self._ask(data, preview_side=preview_side)
        described = _described(note)
        return Inspection(**described, preview=preview or None)

    def decode(self, data: bytes) -> DecodedImage:
        """The same as `ml.imaging.decode`, in the helper. Raises as `inspect` does."""
        note, _, raw = self._ask(data, pixels=True)
        described = _described(note)
        del described["pixel_sha256"]  # which the image tells of itself
        shape = described.pop("height"), described.pop("width")
        pixels = np.frombuffer(raw, np.float32).reshape(shape).copy()
        return DecodedImage(pixels=pixels, **described)

    def greyscale(self, data: bytes) -> Greyscale:
        """The same as `ml.imaging.greyscale.greyscale`, in the helper. Raises as `inspect` does."""
        note, raw, _ = self._ask(data, greyscale=True)
        return greyscale_from_note(note, raw)

    def close(self) -> None:
        """End the idle helpers; the sandbox can be used again."""
        for _ in range(self._count):
            helper = self._idle.get()
            if helper is not None:
                helper.stop()
            self._idle.put(None)


def _call(function: Callable[[], None] | None) -> None:
    if function is not None:
        function()


def _refused(code: str, params: dict[str, str | int | float]) -> ImageRefused:
    """What the helper refused; words that are not in our table are a fault of the helper, not of the file."""
    try:
        return ImageRefused(code, **params)
    except (KeyError, TypeError, ValueError):
        logger.warning("the decoding helper gave a reason that nobody knows: %r", code)
        return ImageRefused("decoder-crashed")


def _described(note: dict[str, Any]) -> dict[str, Any]:
    """The helper's description with every value read as what it should be."""
    return {
        "format": str(note["format"]),
        "width": int(note["width"]),
        "height": int(note["height"]),
        "bits": int(note["bits"]),
        "header": header_from_note(note["header"]),
        "pixel_sha256": str(note["pixel_sha256"]),
        "not_classified": fact_from_note(note["not_classified"]),
        "facts": facts_from_note(note["facts"]),
        "taken_at": datetime.fromisoformat(note["taken_at"]) if note["taken_at"] else None,
    }
