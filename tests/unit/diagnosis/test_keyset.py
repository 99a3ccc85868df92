"""Pages behind a row: every row once, in order, both ways, across ties, and whatever comes meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.models import Clinic, User
from diagnosis import keyset
from diagnosis.actions.patient import register_patient
from diagnosis.models import Patient

BY_NAME = ("family_name", "given_name", "medical_record_number", "id")
NEWEST = ("-created_at", "-id")
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def patients(clinic: Clinic, radiographer: User) -> list[Patient]:
    """Two families of five; all registered at one moment."""
    made = [
        register_patient(
            by=radiographer, clinic=clinic, medical_record_number=str(n), family_name=f"Name {n % 2}", given_name="A"
        )
        for n in range(10)
    ]
    Patient.objects.update(created_at=MOMENT)
    return made


def pages(rows: QuerySet[Patient], order: tuple[str, ...], size: int, *, back: bool = False) -> list[list[Patient]]:
    """All pages from the first to the last; or back again from the last to the first."""
    side = "previous" if back else "next"
    mark, found = (_last_mark(rows, order) if back else ""), []
    while True:
        page = keyset.page(rows, order=order, size=size, mark=mark, among=rows)
        found.append(list(page))
        mark = getattr(page, side)
        if not mark:
            return found


def _last_mark(rows: QuerySet[Patient], order: tuple[str, ...]) -> str:
    return f"-{list(rows.order_by(*order))[-1].pk}"


@pytest.mark.both_databases
@pytest.mark.parametrize("order", [BY_NAME, NEWEST])
@pytest.mark.parametrize("size", [1, 3, 4, 10, 11])
def test_every_row_is_on_one_page_in_order_across_ties(
    patients: list[Patient], order: tuple[str, ...], size: int
) -> None:
    found = pages(Patient.objects.all(), order, size)
    assert [row for page in found for row in page] == list(Patient.objects.order_by(*order))
    assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)


@pytest.mark.both_databases
@pytest.mark.parametrize("order", [BY_NAME, NEWEST])
def test_the_way_back_shows_the_same_rows_in_the_same_order(patients: list[Patient], order: tuple[str, ...]) -> None:
    found = pages(Patient.objects.all(), order, 4, back=True)
    assert [row for page in reversed(found) for row in page] == list(Patient.objects.order_by(*order))[:-1]


def test_the_first_and_the_last_page_lead_no_further(patients: list[Patient]) -> None:
    rows = Patient.objects.all()
    first = keyset.page(rows, order=BY_NAME, size=6, among=rows)
    last = keyset.page(rows, order=BY_NAME, size=6, mark=first.next, among=rows)
    assert (first.previous, last.next) == ("", "")
    assert list(keyset.page(rows, order=BY_NAME, size=6, mark=last.previous, among=rows)) == list(first)
    assert [page.whole for page in (first, last)] == [False, False]
    assert keyset.page(rows, order=BY_NAME, size=10, among=rows).whole


def test_a_row_that_comes_before_the_mark_shifts_nothing(
    patients: list[Patient], clinic: Clinic, radiographer: User
) -> None:
    rows = Patient.objects.all()
    first = keyset.page(rows, order=BY_NAME, size=5, among=rows)
    second = list(keyset.page(rows, order=BY_NAME, size=5, mark=first.next, among=rows))
    register_patient(by=radiographer, clinic=clinic, medical_record_number="new", family_name="Aa")
    assert list(keyset.page(rows, order=BY_NAME, size=5, mark=first.next, among=rows)) == second


def test_a_mark_that_left_the_list_still_has_its_place(patients: list[Patient]) -> None:
    everybody = Patient.objects.all()
    first = keyset.page(everybody, order=BY_NAME, size=5, among=everybody)
    fewer = everybody.exclude(pk=first.next)
    page = keyset.page(fewer, order=BY_NAME, size=5, mark=first.next, among=everybody)
    assert list(page) == list(everybody.order_by(*BY_NAME))[5:]


@pytest.mark.parametrize("mark", ["nonsense", "-", "--", "5" * 32, "\x00"])
def test_a_mark_that_names_nothing_is_refused_or_shows_the_beginning(patients: list[Patient], mark: str) -> None:
    rows = Patient.objects.all()
    with pytest.raises(keyset.UnknownMark):
        keyset.page(rows, order=BY_NAME, size=5, mark=mark, among=rows)
    first = keyset.page_or_first(rows, order=BY_NAME, size=5, mark=mark, among=rows)
    assert list(first) == list(rows.order_by(*BY_NAME))[:5]


def test_a_row_that_may_not_be_seen_is_no_mark(patients: list[Patient], other_clinic: Clinic) -> None:
    rows = Patient.objects.all()
    with pytest.raises(keyset.UnknownMark):
        keyset.page(
            rows, order=BY_NAME, size=5, mark=str(patients[0].pk), among=Patient.objects.in_clinic(other_clinic)
        )


def test_a_page_reads_its_own_rows_and_one_more_and_counts_nothing(patients: list[Patient]) -> None:
    rows = Patient.objects.all()
    mark = keyset.page(rows, order=BY_NAME, size=2, among=rows).next
    with CaptureQueriesContext(connection) as asked:
        keyset.page(rows, order=BY_NAME, size=2, mark=mark, among=rows)
    statements = [query["sql"] for query in asked]
    assert len(statements) == 2  # the mark, the page
    assert "LIMIT 3" in statements[1]
    assert not any("COUNT(" in statement or "OFFSET" in statement for statement in statements)
    assert patients[0].family_name not in mark


def _entries(count: int) -> list[str]:
    return [f"entry {n}" for n in range(count)]


def _listed(mark: str = "", size: int = 2) -> keyset.Page[str]:
    key: Callable[[Any], str] = str
    return keyset.page_of_list(_entries(5), size=size, mark=mark, key=key)


def test_a_list_in_memory_has_the_same_pages() -> None:
    first = _listed()
    second = _listed(first.next)
    third = _listed(second.next)
    assert [list(first), list(second), list(third)] == [_entries(5)[:2], _entries(5)[2:4], _entries(5)[4:]]
    assert (first.previous, third.next) == ("", "")
    assert list(_listed(third.previous)) == list(second)
    assert list(_listed(second.previous)) == list(first)
    with pytest.raises(keyset.UnknownMark):
        _listed("entry 9")
