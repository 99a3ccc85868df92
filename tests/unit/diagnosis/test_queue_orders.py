"""The orders in which the queue may be looked at, and the filters that a person keeps."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from diagnosis.actions.saved_filter import delete_filter, save_filter
from diagnosis.errors import Refusal
from diagnosis.models import ReadingPolicy, Review, SavedFilter, Study
from diagnosis.reviews import orders
from diagnosis.reviews.orders import Order
from diagnosis.rules import saved_filters as rules
from tests.factories import new_case, new_patient

pytestmark = pytest.mark.django_db
QUEUE = reverse("diagnosis:queue")
DAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


@pytest.fixture
def cases(clinic: Clinic, radiographer: User) -> list[Review]:
    """Four, of three patients: the second and the third share patient, day and moment; the last has no date."""
    patients = [new_patient(clinic, radiographer, number) for number in "BCA"]
    made = [new_case(radiographer, patients[place], seed) for seed, place in enumerate((0, 1, 1, 2))]
    for review, days in zip(made, (3, 1, 1, None), strict=True):
        Study.objects.filter(pk=review.study_id).update(
            examined_at=DAY + dt.timedelta(days) if days else None, received_at=DAY + dt.timedelta(2)
        )
    for place, hours in enumerate((4, 2, 2, 3)):
        since = DAY - dt.timedelta(hours=hours)
        Review.objects.filter(pk=made[place].pk).update(waiting_since=since, due_at=DAY + dt.timedelta(hours=place))
    return made


# By order, the places of the cases; of those that are alike, the keys decide.
EXPECTED: dict[Order, list[int | set[int]]] = {
    Order.DUE: [0, 1, 2, 3],
    Order.PATIENT: [3, 0, {1, 2}],
    Order.EXAMINED: [{1, 2}, 3, 0],
    Order.WAITING: [0, 3, {1, 2}],
}


@pytest.mark.both_databases
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("size", [1, 3])
def test_every_case_is_on_one_page_in_each_order_both_ways(cases: list[Review], order: Order, size: int) -> None:
    straight = Order(order.removeprefix("-"))
    places: list[int] = []
    for step in EXPECTED[straight]:
        group = step if isinstance(step, set) else {step}
        places += sorted(group, key=lambda place: cases[place].pk)
    wanted = [cases[place] for place in (reversed(places) if order != straight else places)]
    everything, mark = Review.objects.all(), ""
    found: list[Review] = []
    while True:
        page = orders.page(everything, order, size=size, mark=mark, among=everything)
        found += page
        if not page.next:
            break
        mark = page.next
    assert found == wanted
    before = orders.page(everything, order, size=size, mark=f"-{found[-1].pk}", among=everything)
    assert list(before) == wanted[-1 - size : -1]


def test_a_head_sorts_the_page_and_leaves_the_next_case_alone(
    cases: list[Review], client: Client, radiologist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnosis.views.review.queue.REVIEWS_A_PAGE", 3)
    client.force_login(radiologist)
    plain = client.get(QUEUE).content.decode()
    assert f'href="{QUEUE}?sort=patient"' in plain
    assert plain.count("aria-sort") == 1
    page = client.get(QUEUE, {"sort": "patient", "modality": "cxr"}).content.decode()
    assert re.findall(r"row\">\s*Family(\w)\s", page) == ["A", "B", "C"]
    assert 'aria-sort="ascending"' in page
    assert f'href="{QUEUE}?modality=cxr&amp;sort=-patient"' in page
    further = re.search(r'href="(\?modality=cxr&amp;sort=patient&amp;after=[\w-]+)"', page)
    assert further
    second = client.get(QUEUE + further[1].replace("&amp;", "&")).content.decode()
    assert re.findall(r"row\">\s*Family(\w)\s", second) == ["C"]
    assert "The next case is still the first by priority" in page
    client.post(reverse("diagnosis:review-next"), {"sort": "patient"})
    assert Review.objects.held_by(radiologist).get() == cases[0]


def test_no_order_is_by_the_result(cases: list[Review], client: Client, radiologist: User) -> None:
    """The classifiers' cards forbid triage; a made-up name is no way round."""
    asked = {name.removeprefix("-") for order in Order for name in orders._fields(order)}
    assert not asked & {"suspicion", "share_above", "zone", "marks", "disagreement"}
    client.force_login(radiologist)
    for name in ("suspicion", "-zone"):
        page = client.get(QUEUE, {"sort": name}).content.decode()
        assert re.findall(r"row\">\s*Family(\w)\s", page) == ["B", "C", "C", "A"]


def test_filters_are_saved_chosen_replaced_and_deleted(
    client: Client, radiologist: User, member: Callable[..., User]
) -> None:
    client.force_login(radiologist)
    address = reverse("diagnosis:queue-filter-save")
    answer = client.post(address, {"name": " My CTs ", "modality": "ct", "sort": "waiting", "age": "nonsense"})
    assert answer.url == f"{QUEUE}?modality=ct&age=nonsense&sort=waiting"
    saved = SavedFilter.objects.get()
    assert (saved.user, saved.name, saved.chosen) == (radiologist, "My CTs", {"modality": "ct", "sort": "waiting"})
    page = client.get(QUEUE).content.decode()
    assert f'href="{QUEUE}?{saved.query.replace("&", "&amp;")}"' in page
    assert 'aria-current="true">My CTs' in client.get(f"{QUEUE}?{saved.query}").content.decode()
    client.post(address, {"name": "My CTs", "kind": "second"})
    assert [one.chosen for one in SavedFilter.objects.all()] == [{"kind": "second"}]
    stranger = Client()
    stranger.force_login(member("radiologist"))
    assert "My CTs" not in stranger.get(QUEUE).content.decode()
    gone = reverse("diagnosis:queue-filter-delete", args=[saved.pk])
    assert stranger.post(gone).status_code == 404
    assert client.get(gone).status_code == 405
    assert client.post(gone).status_code == 302
    assert not SavedFilter.objects.exists()


def test_a_saved_filter_by_the_result_does_not_lift_what_is_hidden(
    cases: list[Review], client: Client, clinic: Clinic, radiologist: User
) -> None:
    """Saved before the reader read first."""
    saved = save_filter(by=radiologist, name="Suspect", chosen={"zone": "above", "marked": "on"})
    ReadingPolicy.objects.create(clinic=clinic, read_first="always")
    client.force_login(radiologist)
    page = client.get(f"{QUEUE}?{saved.query}").content.decode()
    assert len(re.findall(r"row\">\s*Family(\w)\s", page)) == len(cases)


def test_nothing_empty_and_no_more_than_can_be_looked_over(radiologist: User, radiographer: User) -> None:
    ct = {"modality": "ct"}
    with pytest.raises(Refusal, match="Write a name"):
        save_filter(by=radiologist, name=" ", chosen=ct)
    with pytest.raises(Refusal, match="No filter is in use"):
        save_filter(by=radiologist, name="All", chosen={})
    kept = [save_filter(by=radiologist, name=f"Filter {number}", chosen=ct) for number in range(rules.MOST)]
    with pytest.raises(Refusal, match="12 filters already"):
        save_filter(by=radiologist, name="One more", chosen=ct)
    save_filter(by=radiologist, name="Filter 0", chosen={"modality": "cxr"})
    save_filter(by=radiographer, name="Filter 0", chosen=ct)
    delete_filter(by=radiographer, saved=kept[0])
    assert SavedFilter.objects.filter(user=radiologist).count() == rules.MOST
