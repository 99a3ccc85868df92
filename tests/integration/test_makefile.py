"""The set-up of a fresh clone, with a stand-in for Python that installs nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.slow import eventually

ROOT = Path(__file__).resolve().parents[2]
PYTHON = """#!/bin/sh
case "$*" in
*"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
case "$*" in
*"-m venv"* | *install*)
    echo "begin $*" >> calls
    turns=0
    while [ ! -e go ] && [ $turns -lt 1000 ]; do turns=$((turns + 1)); sleep 0.05; done
    echo "end $*" >> calls ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def make(folder: Path, *words: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = [*before, "make", *words]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, **output)


def test_two_at_once_set_up_one_after_the_other(clone: Path) -> None:
    first = make(clone, "run", "PYTHON=./python")
    eventually((clone / "calls").exists, "the first one sets the folder up")
    second = make(clone, "run", "PYTHON=./python")
    assert second.stdout
    assert "Another make is setting this folder up" in second.stdout.readline()
    (clone / "go").touch()
    outputs = [process.communicate(timeout=200)[0] for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0], outputs
    calls = (clone / "calls").read_text().splitlines()
    assert len(calls) == 6  # environment, uv, packages: each once
    assert all(end == f"end{begin.removeprefix('begin')}" for begin, end in zip(calls[::2], calls[1::2], strict=True))


def test_first_start_without_a_network_is_a_sentence(clone: Path) -> None:
    if subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no right to take the network away")
    offline = make(clone, "run", before=("unshare", "--net"))
    output = offline.communicate(timeout=240)[0]
    assert offline.returncode != 0
    assert "the set-up needs the network once" in output
    assert "No matching distribution" not in output
