"""What a page asks does not grow with the clinic: shown by the statements themselves, on the rows of the benchmark.

How long they take is measured by `make bench-scale` and asserted nowhere.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.models import Clinic, User
from diagnosis.models import Patient, Review
from diagnosis.models.patient import search_key_of
from diagnosis.reviews import second_looks
from diagnosis.states import ReviewStatus
from diagnosis.views.review.rows import rows
from diagnosis.views.review.unsigned import unsigned
from tests.bench.scale.clinic import tables
from tests.bench.scale.pages import Page, pages
from tests.bench.scale.people import make_clinic
from tests.bench.scale.tables import fill

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="fills by PostgreSQL's SQL and asks its planner"),
]
FEW, MANY = 1_000, 3_000
LISTS = ("patients?q name", "scans?status failed", "queue", "queue mine", "second looks", "oversight jobs failed")
LISTS += ("oversight jobs aside",)


def test_lists_of_a_larger_clinic() -> None:
    """As many statements, each looking for a few of many on their index."""
    place, staff = make_clinic()
    fill(tables(place), 1, FEW)
    lists = [page for page in pages(staff) if page.name in LISTS]
    assert len(lists) == len(LISTS)
    few = {page.name: _statements(page) for page in lists}
    fill(tables(place), FEW + 1, MANY)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert {page.name: _statements(page) for page in lists} == few
    _begin_at_the_few(Clinic.objects.get(), staff.reader)
    _begins_at_what_was_set_aside(next(page for page in lists if page.name == "oversight jobs aside"))
    _search_keys_are_those_of_the_product()


def _statements(page: Page) -> int:
    page.client.get(page.address)  # the first call of a token or a session writes
    with CaptureQueriesContext(connection) as asked:
        answer = page.client.get(page.address)
    assert answer.status_code == 200, page.name
    return len(asked.captured_queries)


def _begin_at_the_few(clinic: Clinic, reader: User) -> None:
    """PostgreSQL is free to choose: without the index that is named it takes another way, and this fails."""
    waiting = Review.objects.filter(clinic=clinic, status=ReviewStatus.WAITING)
    _uses("report_unsigned", unsigned(reader))
    _uses("review_contradicted", second_looks.due_to(reader)[:30])
    _uses("review_longest", waiting.order_by("waiting_since")[:1])
    with CaptureQueriesContext(connection) as asked:
        assert len(rows(Review.objects.open().filter(clinic=clinic).in_order()[:30], reader=reader)) == 30
    plan = _plan(asked.captured_queries[0]["sql"])
    assert "review_open" in plan and "Seq Scan on diagnosis_review" not in plan, plan


def _begins_at_what_was_set_aside(page: Page) -> None:
    """Not at all analyses of the clinic, joined with everything that a row shows."""
    with CaptureQueriesContext(connection) as asked:
        page.client.get(page.address)
    newest = [
        one["sql"]
        for one in asked.captured_queries
        if 'ORDER BY "diagnosis_analysis"."requested_at" DESC' in one["sql"]
    ]
    assert newest
    for statement in newest:
        assert "Seq Scan on diagnosis_analysis" not in _plan(statement), _plan(statement)


def _uses(index: str, found: QuerySet[Any]) -> None:
    plan = found.explain()
    assert index in plan and "Seq Scan on diagnosis_report" not in plan, plan


def _plan(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement.replace("%", "%%"), [])
        return "\n".join(line for (line,) in cursor.fetchall())


def _search_keys_are_those_of_the_product() -> None:
    for patient in Patient.objects.order_by("medical_record_number")[:40]:
        key = search_key_of(patient.medical_record_number, patient.family_name, patient.given_name)
        assert patient.search_key == key
