"""Runs in place of what reads an imported file, shut in like it, and does what it is asked to."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable
from io import BytesIO
from typing import IO, Any

from ml.confinement.wire import write_message
from ml.importing.inside import Answer, answer_once
from ml.importing.refusal import ImportRefused
from tests.attacker import ATTEMPTS, Scene, outcome_of


def attack(wanted: dict[str, Any], _: IO[bytes]) -> Answer:
    there = Scene(**wanted["scene"])
    return {}, json.dumps({name: outcome_of(name, there) for name in ATTEMPTS}).encode(), b""


def say(_: dict[str, Any], file: IO[bytes]) -> Answer:
    """What the file holds."""
    return {"said": "something"}, file.read(), b"more"


def rewrite(_: dict[str, Any], file: IO[bytes]) -> Answer:
    file.raw.write(b"taken")  # type: ignore[attr-defined]
    return {}, b"", b""


def hang(_: dict[str, Any], __: IO[bytes]) -> Answer:
    while True:
        pass


def crash(_: dict[str, Any], __: IO[bytes]) -> Answer:
    return {}, ctypes.string_at(0), b""


def fill_memory(wanted: dict[str, Any], _: IO[bytes]) -> Answer:
    return {"size": len(bytearray(wanted["size"]))}, b"", b""


def flood(wanted: dict[str, Any], _: IO[bytes]) -> Answer:
    return {}, bytes(wanted["size"]), b""


def mumble(_: dict[str, Any], __: IO[bytes]) -> Answer:
    answer: Any = ["no", "note"]
    return answer, b"", b""


def command_the_terminal(_: dict[str, Any], __: IO[bytes]) -> Answer:
    raise ImportRefused("\x1b]0;taken\x07\nImported.\n" + "x" * 5000)


def linger(_: dict[str, Any], file: IO[bytes]) -> Answer:
    """Answers by itself, and stays."""
    message = BytesIO()
    write_message(message, {"said": "something"}, b"")
    os.write(file.fileno() + 1, message.getvalue())
    while True:
        pass


ACTS: dict[str, Callable[[dict[str, Any], IO[bytes]], Answer]] = {
    one.__name__: one
    for one in (attack, say, rewrite, hang, crash, fill_memory, flood, mumble, linger, command_the_terminal)
}


def act(wanted: dict[str, Any], file: IO[bytes]) -> Answer:
    return ACTS[wanted["act"]](wanted, file)


if __name__ == "__main__":
    answer_once(act)
