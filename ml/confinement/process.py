"""How a process that is to shut itself in is started, with nothing of ours but the code, and ended in time."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_STANDARD = (0, 1, 2)


def command(module: str, *arguments: str) -> list[str]:
    """What runs a module of the project, without what a user or the current folder adds to Python."""
    return [sys.executable, "-P", "-s", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """No secret of ours reaches the process, and no library starts threads of its own."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


@contextmanager
def ended_after(seconds: float, end: Callable[[], None]) -> Iterator[threading.Event]:
    """A process is killed, by `end`, should the block take longer; the event says whether it was."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        end()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def empty_standard_streams() -> None:
    """So that a library that prints disturbs nobody; what they were has to be kept under other numbers first."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in _STANDARD:
        os.dup2(nothing, number)
    os.close(nothing)
