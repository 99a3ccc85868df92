"""The viewer opens a study: how it is hung, going from series to series, two series that scroll together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Patient, ReadingPreference, Scan, Study
from tests.factories import finish_study
from tests.functional.steps import sign_in
from tests.functional.test_viewer import middle, press, requests_of, state, until, view
from tests.images import ct_dicom, xray_dicom

pytestmark = pytest.mark.django_db(transaction=True)

Put = Callable[[bytes], Scan]
LATERAL = {"ViewPosition": "LL", "PatientOrientation": ["A", "F"]}
SCOUT = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesInstanceUID": "1.2.3"}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def put(radiographer: User, patient: Patient) -> Put:
    def make(data: bytes) -> Scan:
        return upload_scan(by=radiographer, patient=patient, data=data, name="a", identity_confirmed=True).scan

    return make


@pytest.fixture
def reader(page: Page, radiologist: User) -> Page:
    sign_in(page, radiologist)
    return page


@pytest.fixture
def two_views(put: Put) -> tuple[Scan, Scan]:
    """PA, which stands for the study, and lateral."""
    pa = put(xray_dicom(seed=1))
    return pa, put(xray_dicom(seed=2, instance_number=2, overrides=LATERAL))


def in_year(year: int) -> dict[str, Any]:
    return {"acquired_at": dt.datetime(year, 5, 1)}  # noqa: DTZ001


def ct(number: int, year: int = 2024, *, spacing: float = 1, **overrides: Any) -> bytes:
    overrides = {"ImagePositionPatient": [0, 0, -spacing * number]} | overrides
    return ct_dicom(seed=number, instance_number=number, overrides=overrides, **in_year(year))


def opened(page: Page, scan: Scan) -> dict[str, Any]:
    """The viewer of the study, at the image that stands for it."""
    return view(page, Scan.objects.get(represented_study=Study.objects.get(pk=scan.study_id)))


def beside(page: Page) -> dict[str, Any]:
    """What stands in the second pane, once there is something."""
    return dict(until(page, lambda now: now["beside"] and now["beside"]["scan"])["beside"])


def at(page: Page, index: int, other: int) -> None:
    """Both panes have come to these slices."""
    until(page, lambda now: now["slice"]["index"] == index and now["beside"] and now["beside"]["index"] == other)


# --- hanging -----------------------------------------------------------------------------------------------
def test_pa_hangs_beside_the_lateral_and_each_moves_alone(reader: Page, two_views: tuple[Scan, Scan]) -> None:
    pa, lateral = two_views
    assert opened(reader, pa)["scan"] == str(pa.pk)
    assert beside(reader) == {"scan": str(lateral.pk), "kind": "own", "index": -1}
    expect(reader.locator(".sv-caption").nth(1)).to_contain_text("Lateral, LL")
    expect(reader.locator(".sv-flags").nth(1)).to_have_text("Not classified: lateral view")
    press(reader, "h")
    expect(reader.locator(".sv-flags")).to_have_text(["Mirrored", "Not classified: lateral view"])
    assert not press(reader, "d")["comparing"]
    assert press(reader, "d")["comparing"]


def test_the_previous_study_takes_the_place_of_the_lateral(reader: Page, put: Put) -> None:
    earlier = put(xray_dicom(seed=9, **in_year(2023)))
    pa = put(xray_dicom(seed=1, **in_year(2024)))
    put(xray_dicom(seed=2, instance_number=2, overrides=LATERAL, **in_year(2024)))
    opened(reader, pa)
    beside(reader)
    press(reader, "v")
    expect(reader.locator(".sv-caption").nth(1)).to_have_text("Previous: Chest X-ray, 1 May 2023")
    assert (beside(reader)["scan"], beside(reader)["kind"]) == (str(earlier.pk), "prior")
    assert not press(reader, "v")["comparing"]


def test_on_a_phone_one_image_is_shown_with_a_switch(reader: Page, two_views: tuple[Scan, Scan]) -> None:
    reader.set_viewport_size(PHONE)
    opened(reader, two_views[0])
    beside(reader)
    first, second = reader.locator(".sv-pane").all()
    expect(first).to_be_visible()
    expect(second).to_be_hidden()
    switch = reader.get_by_role("group", name="Which image is shown")
    switch.get_by_role("button", name="Lateral").click()
    expect(second).to_be_visible()
    expect(first).to_be_hidden()
    assert reader.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_ct_opens_in_the_middle_of_its_axial_slices(reader: Page, put: Put) -> None:
    scout = put(ct(90, **SCOUT))
    slices = [put(ct(number)) for number in range(1, 6)]
    assert opened(reader, scout)["scan"] == str(slices[2].pk)
    expect(reader.locator(".sv-caption").first).to_contain_text("3 / 5")


def test_slices_that_cannot_be_loaded_are_told_and_asked_for_again(reader: Page, put: Put) -> None:
    for number in (1, 2, 3):
        put(ct(number))
    reader.route("**/slices", lambda route: route.fulfill(status=503))
    opened(reader, Scan.objects.earliest("uploaded_at"))
    told = reader.get_by_role("alert").filter(has_text="could not be loaded")
    expect(told).to_be_visible()
    expect(reader.get_by_role("slider", name="Slice").first).to_be_hidden()
    reader.unroute("**/slices")
    told.get_by_role("button", name="Load again").click()
    expect(told).to_be_hidden()
    expect(reader.locator(".sv-caption").first).to_contain_text("/ 3")


# --- from series to series ---------------------------------------------------------------------------------
def test_series_are_changed_by_key_and_by_click_and_told(reader: Page, put: Put) -> None:
    slices = [put(ct(number)) for number in (1, 2, 3)]
    scout = put(ct(90, **SCOUT))
    opened(reader, slices[0])
    listed = reader.get_by_role("navigation", name="Series").get_by_role("button")
    expect(listed).to_have_count(2)
    expect(reader.locator(".sv-strip").first).to_be_visible()
    assert press(reader, "s")["scan"] == str(scout.pk)
    expect(reader.locator(".sv-spoken")).to_have_text("Series 2 of 2: Scout, SYNTHETIC PHANTOM, Not classified: scout")
    expect(reader.locator(".sv-flags").first).to_have_text("Not classified: scout")
    expect(reader.locator(".sv-strip").first).to_be_hidden()
    expect(listed.nth(1)).to_have_attribute("aria-pressed", "true")
    listed.nth(0).click()
    expect(reader.locator(".sv-caption").first).to_contain_text("2 / 3")
    expect(listed.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(listed.nth(1)).to_have_attribute("aria-pressed", "false")
    assert press(reader, "q")["scan"] == str(scout.pk)  # round and round
    expect(reader.locator(".sv-set img").first).to_have_js_property("complete", True)
    assert reader.locator(".sv-set img").first.evaluate("image => image.naturalWidth") > 0


def test_a_study_of_one_image_has_no_list(reader: Page, put: Put) -> None:
    opened(reader, put(xray_dicom()))
    expect(reader.get_by_role("navigation", name="Series")).to_be_hidden()


def test_key_images_are_reached_by_a_key(reader: Page, put: Put) -> None:
    slices = [put(ct(number)) for number in range(1, 6)]
    analysis = finish_study({one: 0.9 if place in (0, 4) else 0.1 for place, one in enumerate(slices)})
    analysis.aggregation = {"key_images": [str(slices[0].pk), str(slices[4].pk)]}
    analysis.save(update_fields=["aggregation"])
    opened(reader, slices[0])
    expect(reader.locator(".sv-bar-key")).to_have_count(2)
    assert press(reader, "j")["slice"]["index"] == 4
    expect(reader.locator(".sv-spoken")).to_have_text("Key image 2 of 2")
    assert press(reader, "j")["slice"]["index"] == 0
    assert press(reader, "Shift+J")["slice"]["index"] == 4


# --- two series scroll together ----------------------------------------------------------------------------
@pytest.fixture
def current_and_prior(put: Put) -> tuple[list[Scan], list[Scan]]:
    """Nine slices 1 mm apart, and five of the year before 2 mm apart."""
    prior = [put(ct(number, 2023, spacing=2)) for number in range(1, 6)]
    return [put(ct(number)) for number in range(1, 10)], prior


def test_current_and_prior_scroll_together_by_position(
    reader: Page, current_and_prior: tuple[list[Scan], list[Scan]]
) -> None:
    opened(reader, current_and_prior[0][0])
    press(reader, "v")
    at(reader, 4, 2)
    sentence = "Both series scroll together by position in millimetres from the middle of each."
    expect(reader.locator(".sv-together")).to_have_text(sentence)
    reader.mouse.move(*middle(reader))
    for index in (5, 6):
        reader.mouse.wheel(0, 100)
        until(reader, lambda now, index=index: now["slice"]["index"] == index)  # two turns at once may be taken for one
    at(reader, 6, 3)  # 2 mm further
    press(reader, "x", "Home")
    at(reader, 0, 0)


def test_they_scroll_on_from_where_a_person_linked_them(
    reader: Page, current_and_prior: tuple[list[Scan], list[Scan]]
) -> None:
    opened(reader, current_and_prior[0][0])
    press(reader, "v")
    at(reader, 4, 2)
    press(reader, "l", "PageUp", "PageUp", "PageUp", "PageUp")
    at(reader, 0, 2)
    expect(reader.locator(".sv-together")).to_be_hidden()
    press(reader, "l")
    expect(reader.locator(".sv-together")).to_contain_text("from the slices that you linked")
    press(reader, "PageDown", "PageDown")
    at(reader, 2, 3)


def test_without_positions_they_scroll_in_proportion_and_say_so(
    reader: Page, current_and_prior: tuple[list[Scan], list[Scan]]
) -> None:
    Scan.objects.filter(pk=current_and_prior[1][0].pk).update(slice_position=None)
    opened(reader, current_and_prior[0][0])
    press(reader, "v")
    at(reader, 4, 2)
    expect(reader.locator(".sv-together")).to_contain_text("in proportion to their number of slices")
    press(reader, "End")
    at(reader, 8, 4)
    press(reader, "PageUp", "PageUp")
    at(reader, 6, 3)


# --- reading first -----------------------------------------------------------------------------------------
def test_no_series_and_no_key_leads_to_the_result_before_the_first_impression(
    reader: Page, put: Put, radiologist: User
) -> None:
    ReadingPreference.objects.create(user=radiologist, read_first=True)
    slices = [put(ct(number)) for number in range(1, 5)]
    put(ct(90, **SCOUT))
    finish_study({one: place / 5 for place, one in enumerate(slices)})
    asked = requests_of(reader)
    opened(reader, slices[0])
    expect(reader.locator(".sv-strip").first).to_be_visible()
    before = state(reader)["slice"]["index"]
    assert press(reader, "j")["slice"]["index"] == before
    press(reader, "s", "s", "a", "PageDown")
    expect(reader.locator(".sv-strip-text").first).to_contain_text("Slice")
    assert not [url for url in asked if "attention.png" in url or "scores" in url]
    expect(reader.locator(".sv-bar-key, .sv-bar-above, .sv-bar-below")).to_have_count(0)
