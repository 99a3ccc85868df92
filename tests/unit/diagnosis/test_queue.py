"""The order of the reading queue, and the reason for each place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Model
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis.actions.reading_policy import change_policy
from diagnosis.actions.review import flag_urgent
from diagnosis.errors import NotAllowedNow
from diagnosis.forms.queue_filter import QueueFilter
from diagnosis.models import Patient, ReadingPolicy, Review, Scan, Study
from diagnosis.models.zone import Zone
from diagnosis.results.answers import TONES
from diagnosis.reviews import queue
from diagnosis.views.review.rows import rows
from tests.factories import finish, new_case, new_patient, read


@pytest.fixture
def case(clinic: Clinic, radiographer: User) -> Callable[..., Review]:
    """`case(hours=3, results=(0.8,))`: waits since then, with those probabilities."""

    def make(*, hours: float = 0, results: tuple[float, ...] = (), urgent: bool = False, **more: Any) -> Review:
        number = Review.objects.count()
        review = new_case(radiographer, new_patient(clinic, radiographer, str(number)), number, urgent=urgent)
        since = timezone.now() - timedelta(hours=hours)
        Review.objects.filter(pk=review.pk).update(waiting_since=since, due_at=since)
        if results:
            finish(review.scan, *results, **more)
        else:
            queue.reprioritise(ReadingPolicy.of(clinic))
        review.refresh_from_db()
        return review

    return make


@pytest.fixture
def by_result(clinic: Clinic) -> ReadingPolicy:
    """The clinic has turned on that the result moves cases."""
    return ReadingPolicy.objects.create(clinic=clinic, order_by_result=True)


def order() -> list[Review]:
    return list(Review.objects.in_order())


def test_a_result_moves_nothing_unless_the_clinic_turns_it_on(case: Callable[..., Review]) -> None:
    """The classifiers' cards forbid triage."""
    waiting, suspect = case(hours=0.1, results=(0.1,)), case(results=(0.99,))
    assert order() == [waiting, suspect]
    assert queue.priority(suspect, ReadingPolicy()).hours == 0


@pytest.mark.usefixtures("by_result")
def test_urgent_then_suspect_then_waiting(case: Callable[..., Review]) -> None:
    plain, suspect, old, urgent = (
        case(results=(0.1,)),
        case(results=(0.9,)),
        case(hours=5, results=(0.1,)),
        case(results=(0.1,), urgent=True),
    )
    assert order() == [urgent, suspect, old, plain]


def test_disagreement_counts(case: Callable[..., Review]) -> None:
    agreed, split = case(results=(0.45, 0.45)), case(results=(0.45, 0.2))
    assert (agreed.disagreement, split.disagreement) == (0, 1)
    assert order() == [split, agreed]


@pytest.mark.parametrize(
    ("results", "share", "zone"),
    [
        ((), None, None),
        ((0.4, 0.1), 0, "0 of 2 classifiers"),
        ((0.45, 0.1), 0.5, "1 of 2 classifiers"),
        ((0.45, 0.5), 1, "2 of 2 classifiers"),
    ],
)
def test_the_zone_is_the_side_of_the_operating_point(
    case: Callable[..., Review], radiologist: User, results: tuple[float, ...], share: float | None, zone: str | None
) -> None:
    """A low probability above a low operating point is no low suspicion."""
    review = case(results=results)
    (row,) = rows(Review.objects.all(), reader=radiologist)
    assert review.share_above == share
    said = zone and f"Computer: COVID-19 pattern: {zone} at or above their thresholds"
    assert (row.result and row.result.short) == said


@pytest.mark.parametrize(("combined", "zone"), [(0.1, "negative"), (0.5, "indeterminate"), (0.9, "positive")])
def test_a_combination_gives_the_suspicion_and_the_zone(
    case: Callable[..., Review], radiologist: User, combined: float, zone: str
) -> None:
    """The highest of its members is calibrated for none but itself."""
    review = case(results=(0.99, 0.95), combined=combined)
    (row,) = rows(Review.objects.all(), reader=radiologist)
    assert (review.suspicion, review.zone) == (combined, zone)
    assert row.result is not None
    assert row.result.tone == TONES[Zone(zone)]
    assert row.result.short.startswith("Computer: COVID-19 pattern: "), "no zone without its finding"


def test_what_wants_an_eye_stands_on_the_review_and_moves_nothing(
    case: Callable[..., Review], radiologist: User
) -> None:
    marked = case(results=(0.9, 0.1), combined=0.5)
    assert marked.marks == ["disagreement", "indeterminate"]
    (row,) = rows(Review.objects.all(), reader=radiologist)
    assert row.marks == [], "result and reasons say them already"
    hours = queue.priority(marked, ReadingPolicy()).hours
    marked.marks = []
    assert abs(queue.priority(marked, ReadingPolicy()).hours - hours) < 1e-9


def test_a_mark_of_earlier_results_stays_readable(case: Callable[..., Review], radiologist: User) -> None:
    """It is given no more, and says of itself what it is worth."""
    case(results=(0.9, 0.8), combined=0.9)
    Review.objects.update(marks=["attention_outside"])  # as rows were then
    (row,) = rows(Review.objects.all(), reader=radiologist)
    assert row.marks == ["attention_outside"]
    shown = render_to_string("diagnosis/review/_chip.html", {"mark": row.marks[0]})
    assert "attention outside the lungs" in shown
    assert "not found to be wrong more often" in shown
    assert "warning" not in shown


def test_a_reader_who_reads_first_sees_no_mark(case: Callable[..., Review], clinic: Clinic, radiologist: User) -> None:
    case(results=(0.9, 0.1), combined=0.5)
    Review.objects.update(marks=["disagreement", "indeterminate", "attention_outside"])
    ReadingPolicy.objects.create(clinic=clinic, read_first="always")
    (row,) = rows(Review.objects.all(), reader=radiologist)
    assert (row.result, row.marks) == (None, [])
    assert not {"disagreement", "indeterminate", "attention_outside"} & set(map(str, row.state))


@pytest.mark.both_databases
def test_the_marked_and_each_standing_can_be_filtered(
    case: Callable[..., Review], clinic: Clinic, radiologist: User
) -> None:
    found = {
        "negative": case(results=(0.1, 0.1), combined=0.2),
        "indeterminate": case(results=(0.5, 0.6), combined=0.5),
        "split": case(results=(0.1, 0.9)),
        "above": case(results=(0.9,)),
        "none": case(),
    }
    names = {review.pk: name for name, review in found.items()}

    def narrowed(**chosen: str) -> set[str]:
        form = QueueFilter(chosen, reader=radiologist, home=clinic, clinics=[clinic], blind=False)
        return {names[review.pk] for review in form.narrow(Review.objects.all())}

    assert narrowed(marked="on") == {"indeterminate", "split"}
    assert narrowed(zone="above") == {"above"}
    assert narrowed(zone="split") == {"indeterminate", "split"}
    assert narrowed(zone="below") == {"negative"}
    assert narrowed(zone="none") == {"none"}
    blind = QueueFilter({"marked": "on"}, reader=radiologist, home=clinic, clinics=[clinic], blind=True)
    assert blind.narrow(Review.objects.all()).count() == len(found)


@pytest.mark.usefixtures("by_result")
def test_a_case_without_result_stands_in_the_middle(case: Callable[..., Review]) -> None:
    low, none, high = case(results=(0.1,)), case(), case(results=(0.9,))
    assert none.suspicion is None
    assert order() == [high, none, low]


def test_nobody_waits_behind_newer_cases_for_longer_than_the_weights_add_up_to(case: Callable[..., Review]) -> None:
    policy = ReadingPolicy()
    most = policy.urgent_hours + policy.referrer_hours + policy.disagreement_hours
    patient = case(hours=most + 0.1, results=(0.0,))
    newest = case(results=(1.0, 0.0), urgent=True)
    assert order() == [patient, newest]


@pytest.mark.usefixtures("by_result")
def test_a_result_moves_the_case(case: Callable[..., Review]) -> None:
    first, second = case(hours=1), case()
    assert order() == [first, second]
    finish(second.scan, 0.99)
    assert order() == [second, first]


def test_urgency_can_be_set_and_lifted(case: Callable[..., Review], radiographer: User) -> None:
    first, second = case(hours=1), case()
    flag_urgent(by=radiographer, review=second, urgent=True)
    assert order() == [second, first]
    flag_urgent(by=radiographer, review=second, urgent=False)
    assert order() == [first, second]


def test_a_read_case_is_no_longer_urgent(case: Callable[..., Review], radiographer: User, radiologist: User) -> None:
    done = read(radiologist, case())
    with pytest.raises(NotAllowedNow):
        flag_urgent(by=radiographer, review=done, urgent=True)


def test_changed_weights_place_the_queue_again(
    case: Callable[..., Review], clinic: Clinic, administrator: User
) -> None:
    suspect, old = case(results=(0.9,)), case(hours=5, results=(0.1,))
    assert order() == [old, suspect]
    moved = change_policy(by=administrator, policy=ReadingPolicy(clinic=clinic, order_by_result=True))
    assert moved == 2
    assert order() == [suspect, old]


def test_any_abnormality_counts_not_one_disease_alone(case: Callable[..., Review]) -> None:
    review = case(results=(0.1, 0.1), combined=0.1)
    combined = review.study.analyses.get().ensemble
    assert combined
    combined.probabilities = {"covid": 0.1, "pneumonia": 0.8, "normal": 0.1}
    assert queue.suspicion([], combined) == pytest.approx(0.9)
    combined.abnormality = {"probability": 0.75, "zone": "positive"}
    assert queue.suspicion([], combined) == 0.75


def test_what_the_referrer_asks_for_counts(case: Callable[..., Review], radiologist: User) -> None:
    first, second = case(hours=1), case()
    Study.objects.filter(pk=second.study_id).update(priority="urgent")
    with transaction.atomic():
        queue.place_again(Study.objects.get(pk=second.study_id))
    assert order() == [second, first]
    row, _other = rows(Review.objects.in_order(), reader=radiologist)
    assert row.reasons == ["referrer: urgent"]


@pytest.mark.both_databases
@pytest.mark.parametrize("by_result", [False, True])
def test_the_database_sums_as_we_do(case: Callable[..., Review], clinic: Clinic, by_result: bool) -> None:
    made = [case(hours=1, results=(0.123456,)), case(results=(0.9, 0.1)), case(hours=0.5, urgent=True)]
    policy = ReadingPolicy(
        clinic=clinic, urgent_hours=7.25, suspicion_hours=3.5, disagreement_hours=1.1, order_by_result=by_result
    )
    Study.objects.filter(pk=made[0].study_id).update(priority="urgent")
    assert queue.reprioritise(policy) == 3
    for review in Review.objects.filter(pk__in=[one.pk for one in made]):
        assert abs(review.due_at - queue.due_at(review, policy)) < timedelta(milliseconds=1)


@pytest.mark.usefixtures("by_result")
def test_each_part_of_the_place_is_told(case: Callable[..., Review], radiologist: User) -> None:
    review = case(hours=3, results=(0.75, 0.25), urgent=True)
    (row,) = rows(Review.objects.filter(pk=review.pk), reader=radiologist)
    assert row.reasons == ["classifiers disagree", "moved up by the result"]
    assert review.waiting_since - timedelta(hours=row.priority.hours) == review.due_at


@pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL's planner")
def test_the_page_and_the_claim_read_an_index_not_the_table(
    clinic: Clinic, radiographer: User, radiologist: User, patient: Patient
) -> None:
    template = new_case(radiographer, patient).scan
    _many(template, 3000)
    for cases in (Review.objects.open(), Review.objects.filter(status="waiting").open_to(radiologist)):
        plan = cases.filter(clinic__in=[clinic]).in_order()[:30].explain()
        assert "Index" in plan, plan
        assert "Seq Scan on diagnosis_review " not in plan, plan
        assert "Sort" not in plan, plan
    assert "review_lease" in Review.objects.expired().explain()


def _many(scan: Scan, count: int) -> None:
    """Rows that only the planner sees: copies of one study, each with its waiting review."""
    of_study = _columns(Study, without={"id", "representative_id"})
    of_review = _columns(Review, without={"id", "study_id", "due_at"})
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO diagnosis_study (id, {of_study}) SELECT gen_random_uuid(), {of_study} "
            "FROM diagnosis_study, generate_series(1, %s) WHERE id = %s",
            [count, scan.study_id],
        )
        cursor.execute(
            f"INSERT INTO diagnosis_review (id, study_id, due_at, {of_review}) "
            f"SELECT gen_random_uuid(), copy.key, now() - random() * interval '40 hours', {of_review} FROM "
            "diagnosis_review, (SELECT id AS key FROM diagnosis_study WHERE id <> %s) AS copy WHERE study_id = %s",
            [scan.study_id, scan.study_id],
        )
        cursor.execute("ANALYZE diagnosis_review")


def _columns(model: type[Model], *, without: set[str]) -> str:
    return ", ".join(field.column for field in model._meta.concrete_fields if field.column not in without)
