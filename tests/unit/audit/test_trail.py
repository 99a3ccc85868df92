"""The audit trail: only added to, chained, and every way of forging it named."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction

from accounts.models import User
from audit import anchor, chain, walls
from audit.models import AuditEvent
from audit.tasks import look_at_the_trail
from audit.verify import verify
from audit.vocabulary import Action, Event

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
TABLE = "audit_auditevent"


@pytest.fixture(autouse=True)
def _root(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_ROOT = tmp_path / "audit"


def write(count: int = 5, **fields: Any) -> list[AuditEvent]:
    told = {"event": Event.RECORD, "action": Action.READ, "patient": uuid.uuid4(), "detail": {"é": "ü"}, **fields}
    return [chain.append(AuditEvent(**told)) for _ in range(count)]


def forge(*statements: str) -> None:
    """With the rights of the tables' owner, as somebody who took the database over."""
    with connection.cursor() as cursor:
        for statement in [
            *walls.lowered(connection.vendor, TABLE),
            *statements,
            *walls.raised(connection.vendor, TABLE),
        ]:
            cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {TABLE} SET outcome = '4'",
        f"DELETE FROM {TABLE}",
        pytest.param(f"TRUNCATE {TABLE}", id="truncate"),
    ],
)
def test_the_database_refuses_every_change(statement: str) -> None:
    if statement.startswith("TRUNCATE") and connection.vendor == "sqlite":
        statement = f"DELETE FROM {TABLE} WHERE 1 = 1"  # how SQLite empties a table
    write(2)
    with pytest.raises(Error, match="only added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEvent.objects.count() == 2


def test_a_trail_that_nobody_touched_is_whole() -> None:
    write(3)
    chain.begin_anew()
    write(2)
    anchor.make_anchor()
    said = StringIO()
    call_command("verify_audit", stdout=said)
    assert said.getvalue() == "whole: 5 entries in 2 chains, 1 anchors\n"


@pytest.mark.parametrize("field", ["outcome", "address", "route", "object_id", "patients", "login"])
def test_a_changed_entry_is_named(field: str) -> None:
    changed = write()[2]
    forge(f"UPDATE {TABLE} SET {field} = '4' WHERE id = {changed.pk}")
    _is_broken_at(changed, "changed")


def test_a_changed_time_is_named() -> None:
    """By a microsecond: times are not cut short on their way through the database."""
    changed = write()[2]
    later = changed.at + timedelta(microseconds=1)
    if connection.vendor == "sqlite":  # which keeps UTC and does not say so
        later = later.replace(tzinfo=None)
    forge(f"UPDATE {TABLE} SET at = '{later}' WHERE id = {changed.pk}")
    _is_broken_at(changed, "changed")


def test_a_removed_entry_is_named() -> None:
    rows = write()
    forge(f"DELETE FROM {TABLE} WHERE id = {rows[2].pk}")
    _is_broken_at(rows[2], "removed")


def test_an_inserted_entry_is_named() -> None:
    """Made from a true one, at the end of a chain: without the key it has no link."""
    last = write()[-1]
    AuditEvent.objects.create(
        event=last.event, action="D", chain=last.chain, position=last.position + 1, link=last.link, patient=last.patient
    )
    _is_broken_at(AuditEvent.objects.order_by("pk").last(), "inserted")


def test_entries_that_changed_places_are_named() -> None:
    rows = write()
    places = ((rows[1], 99), (rows[2], 1), (rows[1], 2))
    forge(*(f"UPDATE {TABLE} SET position = {place} WHERE id = {row.pk}" for row, place in places))
    _is_broken_at(rows[1], "moved")


def test_an_end_that_was_cut_off_is_named() -> None:
    rows = write()
    anchor.make_anchor()
    forge(f"DELETE FROM {TABLE} WHERE id >= {rows[3].pk}")
    _is_broken_at(rows[3], "cut off")


def test_a_whole_chain_that_was_removed_is_named() -> None:
    rows = write()
    anchor.make_anchor()
    chain.begin_anew()
    write(2)
    forge(f"DELETE FROM {TABLE} WHERE id <= {rows[-1].pk}")
    _is_broken_at(rows[0], "removed: all 5")


def test_without_an_anchor_the_end_could_be_cut_off_and_that_is_said() -> None:
    write()
    said = StringIO()
    call_command("verify_audit", stdout=StringIO(), stderr=said)
    assert "There is no anchor" in said.getvalue()


def test_a_changed_anchor_is_named() -> None:
    write()
    anchor.make_anchor()
    write(2)
    anchor.make_anchor()
    first, second = (json.loads(line) for line in anchor.path().read_text().splitlines())
    assert second["heads"][str(chain._chain.key)][0] == 6  # type: ignore[union-attr]
    anchor.path().write_text(json.dumps(second) + "\n")
    with pytest.raises(CommandError, match="anchors are broken"):
        call_command("verify_audit")
    assert first["heads"] != second["heads"]


def test_a_copy_of_the_anchors_kept_elsewhere_serves_as_well(tmp_path: Path) -> None:
    rows = write()
    anchor.make_anchor()
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(anchor.path().read_bytes())
    anchor.path().unlink()
    forge(f"DELETE FROM {TABLE} WHERE id = {rows[-1].pk}")
    with pytest.raises(CommandError, match="cut off"):
        call_command("verify_audit", anchors=kept)


def test_an_anchor_is_made_where_something_grew_and_goes_out(settings: Any, mailoutbox: list[Any]) -> None:
    settings.AUDIT_ANCHOR_MAIL = "security@clinic.example"
    write()
    assert anchor.make_anchor()
    assert anchor.make_anchor() is None
    assert anchor.path().stat().st_mode & 0o777 == 0o600
    anchor.mail_last_anchor()
    [mail] = mailoutbox
    assert json.loads(mail.body) == json.loads(anchor.path().read_text())


def test_another_key_proves_nothing(settings: Any) -> None:
    rows = write()
    settings.AUDIT_KEY = "another"
    _is_broken_at(rows[0], "changed")


def test_a_chain_ends_where_the_database_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the row was stored is not known then: the next entry begins a chain."""
    write(2)
    with pytest.raises(Error), transaction.atomic():
        chain.append(AuditEvent(event=Event.RECORD, action=None, patient=None))
    write(2)
    assert verify().faults == ()
    assert verify().chains == 2


def _is_broken_at(row: AuditEvent | None, word: str) -> None:
    """The first broken link is at `row`, and the command fails with its place and what was done."""
    assert row is not None
    first = verify().first
    assert first is not None
    assert word in first.sentence
    assert first.chain == str(row.chain)
    with pytest.raises(CommandError, match="The audit trail is broken"):
        call_command("verify_audit", stderr=StringIO())


def test_a_broken_trail_is_mailed_to_those_who_run_the_site(caplog: pytest.LogCaptureFixture) -> None:
    root = User.objects.create_superuser("root@clinic.example", None, full_name="Root")
    User.objects.create_superuser("left@clinic.example", None, full_name="Left", is_active=False)
    rows = write()
    look_at_the_trail()
    assert mail.outbox == []
    forge(f"DELETE FROM {TABLE} WHERE id = {rows[2].pk}")
    look_at_the_trail()
    [sent] = mail.outbox
    assert sent.to == [root.email]
    assert "place 3" in sent.body and "place 3" in caplog.text
