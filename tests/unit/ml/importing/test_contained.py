"""Whatever reads an imported file gets nowhere, and what becomes of it is a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest

from ml.confinement import Layer, Report, report_of_this_host
from ml.importing import contained
from ml.importing.contained import Bounds, ask
from ml.importing.refusal import ImportRefused
from tests.attacker import ATTEMPTS
from tests.escape import ROOT, SUCCEEDED, scene

INTRUDER = "tests.unit.ml.importing.intruder"
MIB = 1024**2
BOUNDS = Bounds(memory_bytes=1024 * MIB, seconds=60, most_bytes=MIB)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "network.onnx"
    path.write_bytes(b"a network")
    return path


def do(act: str, file: Path, bounds: Bounds = BOUNDS, **wanted: Any) -> Any:
    return ask(INTRUDER, file, {"act": act, **wanted}, bounds)


def readers(owner: psutil.Process | None = None) -> list[psutil.Process]:
    return [child for child in (owner or psutil.Process()).children() if INTRUDER in _words(child)]


def is_shut_in(reader: psutil.Process) -> bool:
    return reader.rlimit(psutil.RLIMIT_CORE) == (0, 0)


def _words(child: psutil.Process) -> list[str]:
    try:
        return child.cmdline()
    except psutil.NoSuchProcess:
        return []


def test_it_reads_the_file_that_it_was_given_and_answers(file: Path) -> None:
    assert do("say", file) == ({"said": "something"}, b"a network", b"more")
    assert readers() == []


def test_no_attempt_succeeds_from_inside(file: Path) -> None:
    """The attempts of those who have taken over a decoder (tests.attacker): files, sockets, programs, processes."""
    if reason := report_of_this_host().missing.get(Layer.SYSTEM_CALLS):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"this host contains nobody: {reason}")
    with scene() as there:
        _, told, _ = do("attack", file, scene=asdict(there))
    outcomes = json.loads(told)
    assert outcomes.keys() == ATTEMPTS.keys()
    assert [name for name, outcome in outcomes.items() if outcome == SUCCEEDED] == []


def test_it_cannot_write_to_the_file(file: Path) -> None:
    with pytest.raises(ImportRefused, match="broke"):
        do("rewrite", file)
    assert file.read_bytes() == b"a network"


def test_nothing_stays_that_has_answered(file: Path) -> None:
    begun = time.monotonic()
    assert do("linger", file)[0] == {"said": "something"}
    assert time.monotonic() - begun < contained.START_SECONDS
    assert readers() == []


@pytest.fixture
def hanging(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psutil.Process]:
    """One that is shut in and never answers."""
    monkeypatch.setenv("SECRET_KEY", "not for strangers")

    def hang() -> None:
        with suppress(ImportRefused):
            do("hang", file)

    asking = threading.Thread(target=hang)
    asking.start()
    while not (found := readers()) or not is_shut_in(found[0]):
        assert asking.is_alive()
        time.sleep(0.01)
    yield found[0]
    found[0].kill()
    asking.join()


def test_it_has_the_file_a_pipe_and_nothing_else(hanging: psutil.Process, file: Path) -> None:
    assert "SECRET_KEY" not in hanging.environ()
    for kind, bound in (
        (psutil.RLIMIT_AS, BOUNDS.memory_bytes),
        (psutil.RLIMIT_FSIZE, 0),
        (psutil.RLIMIT_NOFILE, 0),
        (psutil.RLIMIT_CORE, 0),
    ):
        assert hanging.rlimit(kind) == (bound, bound)
    assert hanging.rlimit(psutil.RLIMIT_CPU)[0] <= contained.START_SECONDS + BOUNDS.seconds + 1
    held = sorted(str(path.readlink()).split(":")[0] for path in Path(f"/proc/{hanging.pid}/fd").iterdir())
    assert held == sorted(["/dev/null"] * 3 + ["pipe", str(file)])


def test_it_does_not_outlive_whoever_asked(file: Path) -> None:
    code = f"""
from pathlib import Path
from ml.importing.contained import Bounds, ask
ask({INTRUDER!r}, Path({str(file)!r}), {{"act": "hang"}}, Bounds({BOUNDS.memory_bytes}, 60, 1000))
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as asking:
        while not (found := readers(psutil.Process(asking.pid))) or not is_shut_in(found[0]):
            time.sleep(0.01)
        asking.kill()
    found[0].wait(timeout=30)


HARM: dict[str, tuple[str, Bounds, dict[str, Any], str]] = {
    "hang": ("hang", Bounds(1024 * MIB, 0.2, MIB), {}, "took longer than 0.2 seconds and was stopped"),
    "crash": ("crash", BOUNDS, {}, "broke the process that reads it"),
    "memory": ("fill_memory", BOUNDS, {"size": 1024 * MIB}, "too large for it"),
    "answer": ("flood", BOUNDS, {"size": MIB + 1}, "too large for it"),
    "nonsense": ("mumble", BOUNDS, {}, "broke the process that reads it"),
    "no such act": ("none", BOUNDS, {}, "broke the process that reads it"),
}


@pytest.mark.parametrize("harm", HARM)
def test_harm_is_a_sentence_and_leaves_no_process(harm: str, file: Path) -> None:
    act, bounds, wanted, sentence = HARM[harm]
    begun = time.monotonic()
    with pytest.raises(ImportRefused, match=sentence):
        do(act, file, bounds, **wanted)
    assert time.monotonic() - begun < contained.START_SECONDS  # less than the processor's time alone would take
    assert readers() == []


def test_a_sentence_commands_no_terminal(file: Path) -> None:
    with pytest.raises(ImportRefused) as refused:
        do("command_the_terminal", file)
    said = str(refused.value)
    assert said.startswith("?]0;taken??Imported.?x")
    assert len(said) == 1000


def test_a_reader_that_does_not_start_is_no_fault_of_the_file(file: Path) -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        ask("tests.unit.ml.importing.nobody", file, {}, BOUNDS)


def test_a_host_that_contains_nobody_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    do("say", file)
    assert ("Import only files that you trust" in capsys.readouterr().err) != report_of_this_host().contains_attackers
    missing = {layer.value: "this host has no such thing" for layer in Layer}
    monkeypatch.setattr(contained, "_report", lambda _: Report.from_note(missing))
    with suppress(ImportRefused):  # what comes first is taken for the answer
        do("say", file)
    told = capsys.readouterr().err
    assert "system-calls: missing (this host has no such thing)" in told
    assert "Import only files that you trust" in told
