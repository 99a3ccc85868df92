"""What the disk refuses is one sentence, whoever asks."""

import errno
import os
import pwd
from pathlib import Path

import pytest
from django.db import OperationalError

from diagnosis.disk import is_disk_full
from portal import disk_errors
from portal.disk_errors import disk_sentence

VAR = Path("/srv/portal/var")


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left"), OperationalError("database or disk is full")],
    ids=["os", "sqlite"],
)
def test_full_disk_is_named_with_what_to_do(error: Exception) -> None:
    assert disk_sentence(error, var=VAR) == (
        "The disk that holds /srv/portal/var is full: free some space, or set PORTAL_VAR to a folder on another disk."
    )
    assert is_disk_full(error)


def test_full_disk_is_found_below_other_errors() -> None:
    error = RuntimeError("not stored")
    error.__cause__ = OSError(errno.EDQUOT, "Disk quota exceeded")
    assert is_disk_full(error)


def test_closed_file_of_this_account_asks_for_rights(tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "secret.key"))
    sentence = disk_sentence(error, var=tmp_path)
    assert sentence and f"{tmp_path / 'secret.key'} cannot be written" in sentence
    assert f"chmod -R u+rwX {tmp_path}" in sentence


def test_file_of_another_account_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_errors, "_owner", {tmp_path / "secret.key": "anna"}.__getitem__)
    error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "secret.key"))
    me = pwd.getpwuid(os.geteuid()).pw_name
    sentence = disk_sentence(error, var=tmp_path)
    assert sentence and f"belongs to anna, and you are {me}" in sentence
    assert f"sudo chown -R {me} {tmp_path}" in sentence


@pytest.mark.parametrize(
    "error", [ValueError("no such thing"), ConnectionRefusedError(errno.ECONNREFUSED, "refused")], ids=["value", "net"]
)
def test_other_errors_are_left_alone(error: Exception) -> None:
    assert disk_sentence(error, var=VAR) is None
    assert not is_disk_full(error)
