"""A forger who owns the database, but not the key, cannot make a changed report pass for what was signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import Error, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from diagnosis import sealing
from diagnosis.actions.report import add_addendum, sign_report
from diagnosis.actions.report_correction import correct_report, enter_in_error
from diagnosis.models import Patient, Report, Seal
from diagnosis.reports import content, seals
from tests.conftest import PASSWORD
from tests.factories import finish, new_case, read

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
MIGRATION = import_module("diagnosis.migrations.0037_seals")
STANDS = import_module("diagnosis.migrations.0003_final_reports_stand")
ERRORS = import_module("diagnosis.migrations.0029_report_versions")


@pytest.fixture(autouse=True)
def _root(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_ROOT = tmp_path / "audit"


@pytest.fixture
def sign(
    radiographer: User, radiologist: User, patient: Patient, django_capture_on_commit_callbacks: Any
) -> Callable[[], Report]:
    def make() -> Report:
        review = new_case(radiographer, patient, Report.objects.count())
        finish(review.scan, 0.9)
        report = read(radiologist, review, decision="agree", findings="Clear lungs.").report
        with django_capture_on_commit_callbacks(execute=True):
            return sign_report(by=radiologist, report=report, password=PASSWORD)

    return make


@pytest.fixture
def final(sign: Callable[[], Report]) -> Report:
    return sign()


@contextmanager
def as_owner_of_the_database() -> Iterator[Any]:
    """Every trigger away, as whoever owns the database can have it."""
    with connection.cursor() as cursor:
        for vendor_lowers in (STANDS.lower_walls, ERRORS.lower_wall_of_errors, MIGRATION.lower_wall):
            vendor_lowers(None, _Editor(cursor))
        yield cursor
        for vendor_raises in (STANDS.raise_walls, ERRORS.raise_wall_of_errors, MIGRATION.raise_wall):
            vendor_raises(None, _Editor(cursor))


class _Editor:
    """As much of a schema editor as the triggers need; Django's own begins no transaction inside one on SQLite."""

    connection = connection

    def __init__(self, cursor: Any) -> None:
        self.execute = cursor.execute


def verification(report: Report) -> str:
    return Client().get(reverse("diagnosis:report-verify", args=[report.verification_code])).content.decode()


def holds(report: Report) -> bool:
    """Whether the public page says so."""
    return "is unaltered" in verification(report)


def forge_words(report: Report) -> None:
    """Other words, and the hash that goes with them: it needs no key."""
    report.impression = "Nothing found. All normal."
    assert report.signed_at
    sha256 = content.digest(
        report, report.snapshot, signer=report.signer_name, at=report.signed_at, author=report.author_name
    )
    with as_owner_of_the_database():
        Report.objects.filter(pk=report.pk).update(impression=report.impression, content_sha256=sha256)
    assert content.is_intact(Report.objects.get(pk=report.pk))


def test_what_is_signed_is_sealed_in_the_same_step(final: Report) -> None:
    [seal] = final.seals.all()
    assert (seal.number, seal.part, seal.content_sha256, seal.is_late) == (1, "report", final.content_sha256, False)
    assert sealing.kept(final.pk) == [(1, seal.mac)]
    assert holds(final)


def test_forged_words_with_their_hash_do_not_pass(final: Report, client: Client, radiologist: User) -> None:
    forge_words(final)
    assert not holds(final)
    assert "missing or not genuine" in verification(final)
    client.force_login(radiologist)
    page = client.get(reverse("diagnosis:report-detail", args=[final.pk])).content.decode()
    assert "The seal of this report is missing or not genuine" in page


def test_a_seal_without_the_key_does_not_pass(final: Report, settings: Any) -> None:
    """The forger knows how seals are made, and lets the files outside the database be lost."""
    forge_words(final)
    now, key = Report.objects.get(pk=final.pk), settings.AUDIT_KEY
    settings.AUDIT_KEY, settings.AUDIT_ROOT = "a guess", settings.AUDIT_ROOT / "elsewhere"
    [old] = final.seals.all()
    mac = sealing.mac(
        report=now.pk,
        number=1,
        kind="report",
        sha256=now.content_sha256,
        at=old.sealed_at,
        is_late=False,
        before="",
    )
    with as_owner_of_the_database():
        Seal.objects.filter(pk=old.pk).update(content_sha256=now.content_sha256, mac=mac)
    assert holds(now)
    settings.AUDIT_KEY = key
    assert not holds(now)


def test_the_seal_of_another_report_does_not_pass(sign: Callable[[], Report]) -> None:
    first, second = sign(), sign()
    [theirs], [own] = second.seals.all(), first.seals.all()
    with as_owner_of_the_database():
        Seal.objects.filter(pk=own.pk).update(mac=theirs.mac, content_sha256=theirs.content_sha256)
    assert not holds(first)
    assert holds(second)


def test_an_unsealed_report_does_not_pass(final: Report) -> None:
    with as_owner_of_the_database():
        Seal.objects.all().delete()
    assert not holds(final)


@pytest.mark.parametrize("what", ["addendum", "error", "successor"])
def test_what_was_signed_beside_it_cannot_be_taken_away(
    what: str, final: Report, radiologist: User, django_capture_on_commit_callbacks: Any
) -> None:
    """With its seal; only the copy outside the database knows of it then."""
    with django_capture_on_commit_callbacks(execute=True):
        if what == "addendum":
            add_addendum(by=radiologist, report=final, text="Seen again.", password=PASSWORD)
        elif what == "error":
            enter_in_error(by=radiologist, report=final, reason="Of another patient.", password=PASSWORD)
        else:
            correct_report(by=radiologist, report=final, reason="A slip.", password=PASSWORD, impression="Pneumonia.")
    before = Report.objects.get(pk=final.pk)
    assert [seal.part for seal in before.seals.all()] == ["report", what]
    assert holds(before)
    with as_owner_of_the_database():
        Seal.objects.filter(report=final, number=2).delete()
        before.addenda.all().delete()
        if what == "error":
            before.entered_in_error.delete()
        if what == "successor":
            Seal.objects.filter(report=before.corrected_by).delete()
            before.corrected_by.transitions.all().delete()
            before.corrected_by.delete()
    assert content.is_intact(Report.objects.get(pk=final.pk))
    assert not holds(final)


def test_the_database_refuses_to_change_a_seal(final: Report) -> None:
    for act in (lambda rows: rows.update(mac="0"), lambda rows: rows._raw_delete("default")):
        with pytest.raises(Error, match="only added"), transaction.atomic():
            act(Seal.objects.all())


def test_reports_from_before_there_were_seals_are_sealed_late_and_say_so(
    final: Report, radiologist: User, django_capture_on_commit_callbacks: Any
) -> None:
    """Their hashes stay as they were, to the microsecond of the signature."""
    add_addendum(by=radiologist, report=final, text="Seen again.", password=PASSWORD)
    before = Report.objects.values("content_sha256", "signed_at", "snapshot").get(pk=final.pk)
    sealing._path(final.pk).unlink()
    with as_owner_of_the_database() as cursor:
        Seal.objects.all().delete()
        with django_capture_on_commit_callbacks(execute=True):
            MIGRATION.seal_what_is_signed(apps, _Editor(cursor))
    assert Report.objects.values("content_sha256", "signed_at", "snapshot").get(pk=final.pk) == before
    assert [(seal.part, seal.is_late) for seal in final.seals.all()] == [("report", True), ("addendum", True)]
    assert len(sealing.kept(final.pk)) == 2
    assert seals.proof(Report.objects.get(pk=final.pk)).sealed_since == final.seals.first().sealed_at
    assert holds(final)
    assert "Sealed later than signed" in verification(final)
