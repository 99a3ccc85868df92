"""In the process that reads one file from outside, and ends: shut in by `ml.confinement` before it looks at the file.

What it was started with is in its last argument. Standard input is the file, open for reading; standard output takes
what holds on this host, and then one answer. `ml.importing.contained` asks it.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import IO, Any

from ml.confinement import Guard, Limits
from ml.confinement.libc import PR_SET_PDEATHSIG, prctl
from ml.confinement.process import empty_standard_streams
from ml.confinement.wire import write_message
from ml.importing.refusal import ImportRefused

# A note for what is small, and two buffers for what is not
Answer = tuple[dict[str, Any], bytes, bytes]


def answer_once(read: Callable[[dict[str, Any], IO[bytes]], Answer]) -> None:
    """Read what is asked for from the file, answer, and end this process, whatever happens.

    All that `read` needs must be loaded: it can open no file, not even a module.
    """
    options = json.loads(sys.argv[-1])
    file, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    empty_standard_streams()
    guard = Guard()
    guard.enter()
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        report = guard.lock(Limits(options["memory_bytes"], options["seconds"]))
        write_message(outgoing, report.as_note(), b"")
        write_message(outgoing, *_answer(read, options["wanted"], file))
    finally:
        os._exit(0)


def _answer(read: Callable[[dict[str, Any], IO[bytes]], Answer], wanted: dict[str, Any], file: IO[bytes]) -> Answer:
    try:
        return read(wanted, file)
    except ImportRefused as refused:
        return {"refused": str(refused)}, b"", b""
