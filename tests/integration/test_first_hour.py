"""What somebody meets in the first hour at a terminal: rights, full disks, the first account."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InterfaceError, OperationalError
from django.test import Client, RequestFactory

from accounts.models import User
from diagnosis.api.errors import handle
from diagnosis.models import Patient, Scan
from portal.embedded.launcher import Launcher
from portal.management.commands.serve import Command as Serve
from portal.views.errors import server_error
from tests.images import xray_png
from tests.integration.test_serve import Portal, environment, wait_for
from tests.servers import folder

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(1200)


def manage(*words: str, var: Path, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "manage.py", *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment(var), capture_output=True, text=True, check=False, umask=0o022
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(var: Path) -> dict[str, str]:
    """What an account that is not the owner could read, did it come as far as that."""
    found = {}
    for path in [var, *var.rglob("*")]:
        with suppress(FileNotFoundError):  # the parts of a portal that runs write and delete
            if not path.is_symlink() and mode(path) & 0o077:
                found[str(path)] = oct(mode(path))
    return found


def test_everything_below_var_is_private(start_portal: Callable[..., Portal]) -> None:
    portal = start_portal(anew=True)
    portal.wait_until_up()
    wait_for(portal.working)
    assert portal.var.joinpath("db.sqlite3").exists()
    assert portal.var.joinpath("db.sqlite3-wal").exists()
    # What every visitor gets lies in a closed folder too; the console is this test's.
    visible = (f"{portal.var}/static/", f"{portal.var}/console")
    assert {path for path in open_to_others(portal.var) if not path.startswith(visible)} == set()


def test_what_an_earlier_version_left_open_is_closed(
    start_portal: Callable[..., Portal], var: Path, migrated: Path
) -> None:
    shutil.copy(migrated, var / "db.sqlite3")
    old = [var / "db.sqlite3", var / "log" / "web.log", var / "private" / "scans" / "a.png"]
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(0o644)
    folders = [var, var / "log", var / "private", var / "private" / "scans"]
    for path in folders:
        path.chmod(0o755)
    portal = start_portal()
    portal.wait_until_up()
    assert {mode(path) for path in folders} == {0o700}
    assert {mode(path) for path in old} == {0o600}
    assert "Other accounts of this machine could read" in portal.console
    assert "No mail server is named" in portal.console


def test_commands_write_privately_too(var: Path) -> None:
    assert manage("migrate", "contenttypes", "--verbosity", "0", var=var).returncode == 0  # the fewest tables
    assert (mode(var / "db.sqlite3"), mode(var / "secret.key")) == (0o600, 0o600)


# As any other account: bound to the rights of files.
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another account")
@pytest.mark.parametrize("command", ["serve", "demo", "migrate"])
def test_folder_of_another_account_is_a_sentence(command: str, var: Path) -> None:
    (var / "secret.key").write_text("x" * 50)
    for path in (var, var / "secret.key"):
        shutil.chown(path, "nobody")
    done = manage(command, var=var, before=WITHOUT_PRIVILEGES)
    assert done.returncode == 1, done.stderr
    assert f"{var / 'secret.key'} belongs to nobody, and you are root: give it to yourself" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_folder_without_the_right_to_write_is_a_sentence(var: Path) -> None:
    (var / "secret.key").write_text("x" * 50)
    var.chmod(0o500)
    done = manage("serve", var=var, before=WITHOUT_PRIVILEGES if os.geteuid() == 0 else ())
    var.chmod(0o700)
    assert done.returncode == 1, done.stderr
    assert f"allow it (chmod -R u+rwX {var})" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], Path]]:
    """`small_disk(megabytes)`: a folder on a disk of that size."""
    place = folder() / "small"
    place.mkdir()

    def mount(megabytes: int) -> Path:
        options = f"size={megabytes}m,mode=700"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=False, capture_output=True)
        if done.returncode:
            pytest.skip("no right to mount a small disk here")
        return place

    yield mount
    subprocess.run(["umount", place], check=False, capture_output=True)
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("megabytes", [1, 12])
def test_full_disk_is_a_sentence(small_disk: Callable[[int], Path], migrated: Path, megabytes: int) -> None:
    """Full in the middle of the database, and in the middle of the static files."""
    var = small_disk(megabytes)
    if megabytes > 1:
        shutil.copy(migrated, var / "db.sqlite3")
    done = manage("serve", "--port", "18999", var=var)
    assert done.returncode == 1, done.stderr
    assert f"The disk that holds {var} is full" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def told() -> Callable[..., str]:
    """`told(host=…)`: what a person at the terminal reads once the portal is up."""

    def tell(host: str = "127.0.0.1") -> str:
        console = StringIO()
        launcher = Launcher(host=host, port=8000, say=console.write)
        launcher.stopping = True
        Serve(stdout=console).serve(launcher)
        return console.getvalue()

    return tell


@pytest.mark.django_db
def test_first_account_is_explained_until_there_is_one(told: Callable[..., str]) -> None:
    assert "manage.py createsuperuser" in told()
    User.objects.create_superuser("site@clinic.example", "x")
    assert "The portal is at http://127.0.0.1:8000/" in told()
    assert "createsuperuser" not in told()


@pytest.mark.django_db
def test_hosts_that_will_be_refused_are_named(settings: Any, told: Callable[..., str]) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    assert "ALLOWED_HOSTS names this machine only" in told(host="0.0.0.0")
    assert "ALLOWED_HOSTS" not in told()
    settings.ALLOWED_HOSTS = ["localhost", "portal.example.org"]
    assert "ALLOWED_HOSTS" not in told(host="0.0.0.0")


def test_comes_up_where_only_another_name_is_allowed(start_portal: Callable[..., Portal]) -> None:
    portal = start_portal(host="0.0.0.0", ALLOWED_HOSTS="portal.example.org")
    portal.wait_until_up()
    assert portal.ask("/healthz", host="portal.example.org")[0] == 200
    assert "ALLOWED_HOSTS" not in portal.console


@pytest.fixture
def full_private_root() -> Iterator[Path]:
    """The place of originals has room for less than one image."""
    root = Path(settings.PRIVATE_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", str(root)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk here")
    yield root
    subprocess.run(["umount", root], check=True)


@pytest.mark.django_db
def test_upload_on_a_full_disk_says_so(
    client: Client, full_private_root: Path, patient: Patient, radiographer: User
) -> None:
    client.force_login(radiographer)
    data = {"files": SimpleUploadedFile("a.png", xray_png()), "modality": "cxr"}
    answer = client.post(f"/patients/{patient.pk}/scans/", data, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert "disk is full" in answer.json()["sentence"]
    assert not Scan.objects.exists()
    assert [path for path in full_private_root.rglob("*") if path.is_file()] == []


def test_api_says_that_the_disk_is_full() -> None:
    request = RequestFactory().get("/api/v1/scans/")
    answer = handle(OperationalError("database or disk is full"), {"request": request})
    assert (answer.status_code, answer.data["code"]) == (507, "disk_full")


def test_page_says_that_the_disk_is_full() -> None:
    try:
        raise OSError(errno.ENOSPC, "No space left on device")
    except OSError:
        answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 507
    assert "disk is full" in answer.content.decode()


def test_page_and_api_say_that_the_database_is_away() -> None:
    for away in (OperationalError("database is locked"), InterfaceError("connection already closed")):
        answer = handle(away, {"request": RequestFactory().get("/api/v1/scans/")})
        assert (answer.status_code, answer.data["code"], answer.data["retryable"]) == (503, "database_away", True)
        try:
            raise away
        except Exception:
            page = server_error(RequestFactory().get("/"))
        assert page.status_code == 503
        assert "database cannot be reached" in page.content.decode()
    assert handle(OperationalError("no such table: x"), {"request": RequestFactory().get("/")}).status_code == 500
