"""Have a file from outside read in a process that may hang, die or be taken over without harm."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ml.confinement import Report
from ml.confinement.process import command, ended_after, environment
from ml.confinement.wire import Message, read_message
from ml.importing.refusal import ImportRefused

# To load what reads a file takes seconds; no file is blamed for it.
START_SECONDS = 60.0
_LONGEST_REPORT = 1 << 16
_GONE = (EOFError, OSError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What reading one file may take: `memory_bytes` of address space, `seconds`, and `most_bytes` of answer."""

    memory_bytes: int
    seconds: float
    most_bytes: int


def ask(module: str, path: Path, wanted: dict[str, Any], bounds: Bounds) -> Message:
    """What `module`, which calls `ml.importing.inside`, reads of a file. Nothing of the answer is to be believed.

    The process can open nothing and reach nobody: it has the file, open for reading, and a pipe. Raises ImportRefused
    where it refuses the file, and where the file is too much for it.
    """
    # Time is kept here; the processor's stops what has lost its owner, and counts the loading too
    options = {"wanted": wanted, "memory_bytes": bounds.memory_bytes, "seconds": START_SECONDS + bounds.seconds}
    with path.open("rb") as file, _started(command(module, json.dumps(options)), file) as process:
        _tell(_report(process))
        return _believed(_read(process, path, bounds))


@contextmanager
def _started(words: list[str], file: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone afterwards."""
    with subprocess.Popen(
        words,
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        cwd="/",
        start_new_session=True,  # Ctrl-C in a terminal ends its owner, which ends it
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _report(process: subprocess.Popen[bytes]) -> Report:
    """What the process is shut in by. Raises RuntimeError where it did not start, which is a fault of ours."""
    try:
        with ended_after(START_SECONDS, process.kill):
            return Report.from_note(_with_note(read_message(_answers(process), _LONGEST_REPORT))[0])
    except _GONE as error:
        raise RuntimeError("the process that reads files from outside did not start") from error


def _read(process: subprocess.Popen[bytes], path: Path, bounds: Bounds) -> Message:
    try:
        with ended_after(bounds.seconds, process.kill) as expired:
            return _with_note(read_message(_answers(process), bounds.most_bytes))
    except _GONE as error:
        raise ImportRefused(
            f"Reading {path.name} took longer than {bounds.seconds:g} seconds and was stopped. Export it again."
            if expired.is_set()
            else f"{path.name} broke the process that reads it, or was too large for it. Export it again."
        ) from error


def _answers(process: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast(IO[bytes], process.stdout)  # a pipe, as it was asked for


def _with_note(message: Message) -> Message:
    if not isinstance(message[0], dict):
        raise ValueError("an answer without a note")
    return message


def _believed(message: Message) -> Message:
    """An answer that is no refusal."""
    refused = message[0].get("refused")
    if refused is not None:
        raise ImportRefused(str(refused))
    return message


def _tell(report: Report) -> None:
    """Say what stands between the file and this machine, where it is less than it should be."""
    if not report.contains_attackers:
        sys.stderr.write(
            "This host cannot contain a program that has taken over the reading of this file "
            f"({'; '.join(report.lines())}). Import only files that you trust.\n"
        )
