import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from ml.imaging import ImageRefused, Limits, decode, render_png
from ml.imaging.sandbox import Sandbox
from tests.unit.ml.imaging.samples import dicom, grey_jpeg, grey_png, saved


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    sandbox = Sandbox(seconds=60)
    yield sandbox
    sandbox.close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(seconds=60)
    yield sandbox
    sandbox.close()


def helpers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if _is_helper(child)]


def _is_helper(child: psutil.Process) -> bool:
    try:
        return "ml.imaging.helper" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:  # it has ended, or is a zombie that another test left
        return False


def newest_helper() -> psutil.Process:
    return max(helpers(), key=lambda process: process.create_time())


def slow_png() -> bytes:
    """Accepted, and decoded in some hundred milliseconds at the least."""
    rng = np.random.default_rng(0)
    return saved(Image.fromarray(rng.integers(0, 255, (6000, 6000), np.uint8)), compress_level=0)


KINDS = {
    "png": grey_png(),
    "jpeg": grey_jpeg(),
    "dx": dicom("DX"),
    "ct": dicom("CT"),
    "three writings": dicom("DX", PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "lateral": dicom("DX", ViewPosition="LL"),
}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_the_helper_sees_what_this_process_sees(shared: Sandbox, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    here, there, described = decode(data), shared.decode(data), shared.inspect(data, preview_side=64)
    np.testing.assert_array_equal(here.pixels, there.pixels)
    for other in (there, described):
        assert (other.format, other.bits, other.header) == (here.format, here.bits, here.header)
        assert (other.width, other.height) == (here.width, here.height)
        assert other.not_classified == here.not_classified
    assert described.preview == render_png(here.pixels, max_side=64)
    assert pickle.loads(pickle.dumps(described)) == described
    assert shared.inspect(data).preview is None
    assert "not loaded ahead" not in caplog.text


def test_a_module_that_was_not_loaded_ahead_is_told() -> None:
    code = "from ml.imaging import preloading; preloading.preload(); import wave, json; print(preloading.missed())"
    assert "'wave'" in subprocess.check_output([sys.executable, "-c", code], text=True)


@pytest.mark.parametrize("data", [b"", b"text", grey_png()[:-20], dicom("DX", BodyPartExamined="FOOT")])
def test_refusals_come_through(shared: Sandbox, data: bytes) -> None:
    with pytest.raises(ImageRefused) as there:
        shared.inspect(data)
    with pytest.raises(ImageRefused) as here:
        decode(data)
    assert (there.value.code, there.value.sentence) == (here.value.code, here.value.sentence)


def test_limits_hold_in_the_helper() -> None:
    strict = Sandbox(Limits(max_pixels=1000))
    with pytest.raises(ImageRefused, match="million"):
        strict.inspect(grey_png())
    strict.close()


def test_too_slow_is_a_sentence_and_the_next_file_is_served(sandbox: Sandbox) -> None:
    data = slow_png()
    sandbox.inspect(grey_png())
    sandbox.seconds = 0.01
    with pytest.raises(ImageRefused) as refused:
        sandbox.inspect(data)
    assert refused.value.code == "too-slow"
    sandbox.seconds = 60
    assert sandbox.inspect(grey_png()).format == "png"


def test_a_crash_is_a_sentence_and_the_next_file_is_served(sandbox: Sandbox) -> None:
    data = slow_png()
    sandbox.inspect(grey_png(), owner="patient")
    (victim,) = newest_helper().children()
    idle = sum(victim.cpu_times()[:2])

    def kill_when_busy() -> None:
        while sum(victim.cpu_times()[:2]) <= idle:
            time.sleep(0.001)
        victim.send_signal(signal.SIGSEGV)

    killer = threading.Thread(target=kill_when_busy)
    killer.start()
    with pytest.raises(ImageRefused) as refused:
        sandbox.inspect(data, owner="patient")
    killer.join()
    assert refused.value.code == "decoder-crashed"
    assert sandbox.inspect(grey_png(), owner="patient").format == "png"


def test_no_process_sees_the_files_of_two_patients(sandbox: Sandbox) -> None:
    def decoded_by(owner: str | None) -> int:
        (ready,) = newest_helper().children()
        sandbox.inspect(grey_png(), owner=owner)
        return ready.pid if ready.is_running() else 0

    sandbox.inspect(grey_png(), owner="first")
    first = decoded_by("first")
    assert first != 0  # it serves on, which is what makes a series fast
    sandbox.inspect(grey_png(), owner="second")
    assert not psutil.pid_exists(first)
    (second,) = newest_helper().children()
    sandbox.inspect(grey_png(), owner="first")
    assert not second.is_running()
    (third,) = newest_helper().children()
    sandbox.inspect(grey_png())
    sandbox.inspect(grey_png())
    assert not third.is_running()


def test_a_helper_that_died_between_two_files_is_replaced(sandbox: Sandbox) -> None:
    sandbox.inspect(grey_png())
    victim = newest_helper()
    victim.kill()
    while victim.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.001)
    assert sandbox.inspect(grey_png()).width == 160
    assert not victim.is_running()


def test_threads_share_it(shared: Sandbox) -> None:
    files = [grey_png(), grey_jpeg(), b"text", dicom("CT")] * 4

    def outcome(data: bytes) -> str:
        try:
            return shared.inspect(data).format
        except ImageRefused as refused:
            return refused.code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(outcome, files)) == ["png", "jpeg", "is-text", "dicom"] * 4


def test_nothing_starts_before_the_first_file_and_nothing_stays_behind() -> None:
    before = {helper.pid for helper in helpers()}
    sandbox = Sandbox()
    assert {helper.pid for helper in helpers()} == before
    sandbox.inspect(grey_png())
    (started,) = (helper for helper in helpers() if helper.pid not in before)
    sandbox.close()
    assert not started.is_running()
    assert {helper.pid for helper in helpers()} == before


def test_the_helper_is_confined(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for strangers")
    sandbox.inspect(grey_png(), owner="patient")  # whose process stays, while a file without owner takes its own along
    helper = newest_helper()
    assert "SECRET_KEY" not in helper.environ()
    (decoding,) = helper.children()
    assert "SECRET_KEY" not in decoding.environ()
    for kind, bound in (
        (psutil.RLIMIT_AS, 3 * 1024**3),
        (psutil.RLIMIT_FSIZE, 0),
        (psutil.RLIMIT_NOFILE, 0),
        (psutil.RLIMIT_NPROC, 0),
        (psutil.RLIMIT_CORE, 0),
    ):
        assert decoding.rlimit(kind) == (bound, bound)
    assert 0 < decoding.rlimit(psutil.RLIMIT_CPU)[0] <= 60 * 100 + 1
    targets = [str(path.readlink()) for path in Path(f"/proc/{decoding.pid}/fd").iterdir()]
    assert sorted(target.split(":")[0] for target in targets) == ["/dev/null"] * 3 + ["pipe"] * 2


def test_a_forked_process_gets_a_helper_of_its_own(sandbox: Sandbox) -> None:
    sandbox.inspect(grey_png())
    ours = newest_helper()
    child = os.fork()
    if child == 0:  # no assertion may leave this process
        try:
            served = sandbox.inspect(grey_jpeg()).format == "jpeg"
            sandbox.close()
            os._exit(0 if served else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ours.is_running()
    assert sandbox.inspect(dicom("CT")).format == "dicom"
    assert newest_helper().pid == ours.pid
