"""What every test may ask for. The servers start before Django reads its settings, so this file does so first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial, partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import servers
from tests.chest_images import chest_folder
from tests.running import browser, page, worker

if TYPE_CHECKING:
    from accounts.models import Clinic, User
    from diagnosis.models import Analysis, Patient, Scan

__all__ = ["browser", "page", "worker"]  # fixtures that live in tests/running.py

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
MISSING: list[str] = []


def _refuse_or_note(reason: str) -> None:
    """A missing server or browser skips tests on a person's machine, and fails a run that must prove something."""
    if CI:
        pytest.exit(reason, returncode=1)
    MISSING.append(reason)


def _prepare_environment() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    os.environ["PORTAL_VAR"] = str(servers.folder() / "var")
    for name in ("HTTPS", "DEBUG", "SECRET_KEY", "PRIVATE_ROOT", "STATIC_ROOT", "EMAIL_URL", "ALLOWED_HOSTS"):
        os.environ.pop(name, None)
    # Tests see the classifiers of both modalities; one that is about a new clinic says what it starts without.
    os.environ["NEW_CLINICS_WITHOUT"] = ""
    # A test that is about the wait for further slices says how long it is.
    os.environ["ANALYSIS_QUIET_SECONDS"] = "0"
    # A busy machine may give a decoder no core for a while, and its files are refused then.
    os.environ["UPLOAD_DECODE_SECONDS"] = "60"
    os.environ["REDIS_URL"] = servers.redis_url()
    try:
        os.environ["DATABASE_URL"] = servers.database_url()
    except servers.Unavailable as reason:
        _refuse_or_note(str(reason))
        os.environ["DATABASE_URL"] = f"sqlite:///{servers.folder() / 'absent.sqlite3'}"


def _prepare_settings() -> None:
    import django
    from django.conf import settings

    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    # The real storage names files by content and needs `collectstatic` first: see test_static_files.py.
    # Changed in place: a process of pytest-xdist has set Django up, and copied the outer dict, before it comes here.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    # The real hasher is slow on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        # In a file: threads and processes share it, and WAL needs one.
        settings.DATABASES["default"]["TEST"] = {"NAME": str(servers.folder() / "test.sqlite3")}
    django.setup()


_prepare_environment()
_prepare_settings()


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config.option, "numprocesses", None):
        # The processes that start now inherit it, and would read their settings before this file runs there.
        del os.environ["DJANGO_SETTINGS_MODULE"]


FLUSH_SECONDS = 60
# What `migrate` fills. To empty them and fill them again is most of the work of a flush, and no test changes them.
KEPT_BY_A_FLUSH = ("auth_permission", "django_content_type")
# Tables that refuse to be emptied.
ONLY_ADDED_TO = (
    "audit_auditevent",
    "delivery_deliveryattempt",
    "diagnosis_acceptance",
    "diagnosis_classifierrule",
    "diagnosis_seal",
    "diagnosis_thresholddecision",
    "orders_receivedmessage",
)
# Of these PostgreSQL lets no signed row be deleted, though it lets them be truncated.
SIGNED = ("diagnosis_addendum", "diagnosis_enteredinerror", "diagnosis_firstimpression", "diagnosis_report")


def _with_walls_down(
    sql_flush: Callable[..., list[str]], ops: Any, style: Any, tables: list[str], **options: Any
) -> list[str]:
    """The statements that empty the tests' database, between those that lower the triggers and raise them again.

    They run in one transaction. Nothing in the product does this: it takes the rights of the tables' owner. A test
    leaves a few rows in a few tables, which are deleted in less time than PostgreSQL takes to truncate them all.
    """
    from audit import walls

    connection = ops.connection
    tables = [table for table in tables if table not in KEPT_BY_A_FLUSH]
    standing = sorted(set(ONLY_ADDED_TO).intersection(connection.introspection.table_names()))
    down = [one for table in standing for one in walls.lowered(connection.vendor, table)]
    up = [one for table in standing for one in walls.raised(connection.vendor, table)]
    names = ", ".join(ops.quote_name(table) for table in tables)
    # All or none: a table that is held while another one is waited for would be a deadlock.
    first = [f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE NOWAIT"] if names else []
    if connection.vendor == "postgresql":
        return [*first, *down, *_deletions(ops, tables), *up]
    return [*down, *sql_flush(ops, style, tables, **options), *up]


def _deletions(ops: Any, tables: list[str]) -> list[str]:
    """No trigger may still wait for the end of the transaction when a table is altered again."""
    signed = [ops.quote_name(table) for table in tables if table in SIGNED]
    return [
        *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in signed),
        *(f"DELETE FROM {ops.quote_name(table)}" for table in tables),
        "SET CONSTRAINTS ALL IMMEDIATE",
        *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in signed),
    ]


def _once_nobody_writes(execute: Callable[..., None], ops: Any, statements: list[str]) -> None:
    """A browser's last request may still hold a table."""
    from django.db import OperationalError

    deadline = time.monotonic() + FLUSH_SECONDS
    while True:
        try:
            return execute(ops, statements)
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """PostgreSQL keeps the session of a process that was killed for a while, and then refuses to drop its database."""
    from django.core.management.commands import flush
    from django.db import connection

    # It would fill the tables that were kept.
    flush.emit_post_migrate_signal = lambda *_args, **_options: None
    # Of the class: some tests get another connection.
    operations: Any = type(connection.ops)
    operations.sql_flush = partialmethod(partial(_with_walls_down, operations.sql_flush))
    operations.execute_sql_flush = partialmethod(partial(_once_nobody_writes, operations.execute_sql_flush))
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                others = "datname = current_database() AND pid <> pg_backend_pid()"
                deadline = time.monotonic() + FLUSH_SECONDS
                # Each is only asked to end, and drops a lock or a row before it does.
                while time.monotonic() < deadline:
                    cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
                    if not cursor.fetchall():
                        break
                    time.sleep(0.05)


def pytest_report_header() -> list[str]:
    from django.db import connection

    return [f"database: {connection.vendor}", *(f"MISSING: {reason}" for reason in MISSING)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if MISSING:
        for item in items:
            if "db" in getattr(item, "fixturenames", ()) or "transactional_db" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=MISSING[0]))


@pytest.fixture(scope="module", autouse=True)
def _nothing_of_another_file() -> Iterator[None]:
    """Chance decides which files share a process: none finds what another one counted, or left of its settings.

    Wrong passwords are counted by the address of the machine and by e-mail addresses that each test gives anew.
    """
    from django.conf import settings
    from django.core.cache import cache
    from django.utils import timezone, translation

    cache.clear()
    umask = os.umask(0o022)
    os.umask(umask)
    yield
    os.umask(umask)
    timezone.deactivate()
    translation.activate(settings.LANGUAGE_CODE)


@pytest.fixture(autouse=True)
def _chain_of_its_own() -> None:
    """What a test adds to the audit trail is rolled back, so nothing may be linked to it."""
    from audit import chain

    chain.begin_anew()


@pytest.fixture
def clinic(db: None) -> Clinic:
    from accounts.models import Clinic

    return Clinic.objects.create(name="North Clinic")


@pytest.fixture
def other_clinic(db: None) -> Clinic:
    """Whose patients nobody of `clinic` may see."""
    from accounts.models import Clinic

    return Clinic.objects.create(name="South Clinic")


PASSWORD = "a long password for tests"


@pytest.fixture
def member(clinic: Clinic) -> Callable[..., User]:
    """`member("radiologist")`: another person in that role, in `clinic` unless another one is given.

    They have been there for `days`: whoever is new may not do everything.
    """
    from django.utils import timezone

    from accounts.models import Membership, User

    def make(role: str, *, at: Clinic | None = None, days: int = 30) -> User:
        place = at or clinic
        number = User.objects.count() + 1
        user = User.objects.create_user(
            f"{role}{number}@clinic.example", PASSWORD, full_name=f"{role.title()} {number}"
        )
        made = Membership.objects.create(user=user, clinic=place, role=role)
        Membership.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=days))
        return user

    return make


@pytest.fixture
def radiographer(member: Callable[..., User]) -> User:
    return member("radiographer")


@pytest.fixture
def clinician(member: Callable[..., User]) -> User:
    return member("clinician")


@pytest.fixture
def radiologist(member: Callable[..., User]) -> User:
    return member("radiologist")


@pytest.fixture
def administrator(member: Callable[..., User]) -> User:
    return member("administrator")


@pytest.fixture
def stranger(member: Callable[..., User], other_clinic: Clinic) -> User:
    """A radiologist of another clinic."""
    return member("radiologist", at=other_clinic)


@pytest.fixture
def patient(clinic: Clinic, radiographer: User) -> Patient:
    from datetime import date

    from diagnosis.actions.patient import register_patient

    return register_patient(
        by=radiographer,
        clinic=clinic,
        medical_record_number="MRN-0001",
        family_name="Berg",
        given_name="Alma",
        birth_date=date(1958, 3, 14),
        sex="F",
    )


@pytest.fixture
def upload(patient: Patient, radiographer: User) -> Callable[..., Scan]:
    """`upload(seed=2)`: another synthetic X-ray of `patient`, through the action that people use."""
    from diagnosis.actions.scan import upload_scan
    from diagnosis.models.scan import Modality
    from tests.images import xray_png

    def make(seed: int = 0, *, name: str = "a.png", of: Patient = patient, by: User = radiographer) -> Scan:
        return upload_scan(by=by, patient=of, data=xray_png(seed), name=name, modality=Modality.CXR).scan

    return make


@pytest.fixture
def scan(upload: Callable[..., Scan]) -> Scan:
    return upload()


@pytest.fixture
def analysis(scan: Scan) -> Analysis:
    """Queued, of `scan`."""
    return scan.analyses.get()


@pytest.fixture(scope="session")
def chest_data() -> Path:
    """The folder of real chest images. None of it is in the project, so a fork's run is whole without them.

    Where CHEST_DATA names the folder, the images must be there; else the tests that want them are skipped.
    """
    path = chest_folder()
    if not (path / "manifest.csv").exists():
        reason = f"There are no chest images at {path}: set CHEST_DATA to their folder."
        if "CHEST_DATA" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    return path
