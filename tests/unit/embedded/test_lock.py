import os
from pathlib import Path

import pytest

from portal.embedded import lock
from portal.embedded.errors import CannotStart


def test_second_launcher_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with lock.take(tmp_path / "running.lock"), pytest.raises(CannotStart, match=f"process {os.getpid()}"):
        lock.take(tmp_path / "running.lock")


def test_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    lock.take(tmp_path / "running.lock").close()
    lock.take(tmp_path / "running.lock").close()
