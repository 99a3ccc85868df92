"""The viewer in a browser: what it shows is what was measured, and everything can be done from the keyboard."""

from __future__ import annotations

import base64
import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Request, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Patient, ReadingPreference, Scan
from ml.imaging import decode
from tests.factories import finish, finish_study
from tests.functional.steps import settled, sign_in
from tests.images import ct_dicom, xray_dicom, xray_png
from tests.slow import PATIENCE_SECONDS
from tests.unit.ml.imaging.samples import ramp, xray_of

pytestmark = pytest.mark.django_db(transaction=True)

Put = Callable[..., Scan]
# All values of the shown image, row by row, as the viewer's own JavaScript reads them.
VALUES = """([width, height]) => {
    const viewer = document.querySelector("scan-viewer"), all = new Float32Array(width * height);
    for (let i = 0; i < all.length; i++) all[i] = viewer.valueAt(i % width, Math.floor(i / width));
    let text = "";
    for (const byte of new Uint8Array(all.buffer)) text += String.fromCharCode(byte);
    return btoa(text);
}"""
SEEN = """() => {
    const canvas = document.querySelector(".sv-image"), {width, height} = canvas;
    const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
    let text = "";
    for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i]);
    return [width, height, btoa(text)];
}"""


def told(seen: Any) -> str:
    """As the page's own JSON writes it: a map is drawn when its picture has been unpacked, which takes a moment."""
    return json.dumps(seen, separators=(",", ":"))


@pytest.fixture
def put(radiographer: User, patient: Patient) -> Put:
    def make(data: bytes, **options: Any) -> Scan:
        return upload_scan(
            by=radiographer, patient=patient, data=data, name="a", identity_confirmed=True, **options
        ).scan

    return make


@pytest.fixture
def reader(page: Page, radiologist: User) -> Page:
    sign_in(page, radiologist)
    return page


def view(page: Page, scan: Scan) -> dict[str, Any]:
    """Open the viewer's page and wait for the first picture."""
    page.goto(f"/scans/{scan.pk}/view/")
    page.evaluate("customElements.whenDefined('scan-viewer').then(() => document.querySelector('scan-viewer').ready)")
    return state(page)


def state(page: Page) -> dict[str, Any]:
    return dict(page.evaluate("document.querySelector('scan-viewer').state"))


def until(page: Page, is_so: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The viewer's state, once it is so; the page's policy forbids what Playwright would poll with."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so(now := state(page)):
        assert time.monotonic() < deadline, now
        page.wait_for_timeout(50)
    return now


def press(page: Page, *keys: str) -> dict[str, Any]:
    for key in keys:
        page.keyboard.press(key)
    return state(page)


def middle(page: Page) -> tuple[float, float]:
    box = page.locator(".sv-marks").first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, dx: float, dy: float) -> dict[str, Any]:
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=5)
    page.mouse.up()
    return state(page)


def values(page: Page, scan: Scan) -> np.ndarray:
    text = page.evaluate(VALUES, [scan.width, scan.height])
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(scan.height, scan.width)


# --- lossless ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("signed", [False, True])
def test_all_65536_steps_arrive_in_the_viewer(reader: Page, put: Put, signed: bool) -> None:
    stored = ramp(16, signed=signed)
    scan = put(xray_of(stored, 16))
    view(reader, scan)
    assert np.array_equal(values(reader, scan), stored.astype(np.float32))


def test_ct_is_read_in_hounsfield_units(reader: Page, put: Put) -> None:
    from ml.imaging.phantom import chest_ct

    scan = put(ct_dicom(seed=3))
    view(reader, scan)
    assert np.array_equal(values(reader, scan), chest_ct(scan.height, scan.width, seed=3).astype(np.float32))
    reader.mouse.move(*middle(reader))
    expect(reader.locator(".sv-status-value")).to_contain_text("HU")


def test_the_canvas_shows_what_the_window_makes_of_it(reader: Page, put: Put) -> None:
    data = xray_dicom(photometric="MONOCHROME1", overrides={"WindowCenter": 1900, "WindowWidth": 1200})
    view(reader, put(data))
    reader.keyboard.press("o")  # one image pixel on one screen pixel
    expect(reader.locator(".sv-status-zoom")).to_have_text("100 %")
    width, height, text = reader.evaluate(SEEN)
    seen = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width).astype(float)
    expected = 255 * decode(data).pixels
    rows, columns = expected.shape
    # In the middle; an odd pixel may go to either side, but the image may not lie across two.
    places = [((height - rows + y) // 2, (width - columns + x) // 2) for y in (0, 1) for x in (0, 1)]
    found = [seen[top : top + rows, left : left + columns] for top, left in places]
    assert min(np.abs(one - expected).max() for one in found) <= 1


# --- tools -------------------------------------------------------------------------------------------------
def test_a_known_length_is_measured_in_millimetres(reader: Page, put: Put) -> None:
    view(reader, put(xray_dicom(overrides={"PixelSpacing": [0.5, 0.5]})))
    press(reader, "o", "m")
    (line,) = drag(reader, 60, 80)["lines"]
    assert (line["value"], line["unit"], line["atDetector"]) == (pytest.approx(50, abs=0.01), "mm", False)
    expect(reader.locator(".sv-status-scale")).to_contain_text("Lengths in mm")


def test_rows_and_columns_may_lie_apart_differently(reader: Page, put: Put) -> None:
    view(reader, put(xray_dicom(overrides={"PixelSpacing": [1.0, 0.25]})))
    press(reader, "o", "m")
    (across,) = drag(reader, 40, 0)["lines"]
    assert across["value"] == pytest.approx(10, abs=0.01)
    press(reader, "Delete")
    # The image is drawn in its true shape, so the same way downwards is the same length.
    (down,) = drag(reader, 0, 40)["lines"]
    assert down["value"] == pytest.approx(10, abs=0.01)


def test_a_length_at_the_detector_says_so(reader: Page, put: Put) -> None:
    view(reader, put(xray_dicom(overrides={"ImagerPixelSpacing": [0.5, 0.5]})))
    press(reader, "o", "m")
    (line,) = drag(reader, 100, 0)["lines"]
    assert (line["value"], line["atDetector"]) == (pytest.approx(50, abs=0.01), True)


def test_without_spacing_a_length_is_in_pixels(reader: Page, put: Put) -> None:
    from diagnosis.models.scan import Modality

    view(reader, put(xray_png(), modality=Modality.CXR))
    press(reader, "o", "m")
    (line,) = drag(reader, 100, 0)["lines"]
    assert (line["value"], line["unit"]) == (pytest.approx(100, abs=0.01), "px")
    expect(reader.locator(".sv-status-scale")).to_contain_text("pixels")


def test_measuring_with_the_keyboard_alone(reader: Page, put: Put) -> None:
    view(reader, put(xray_dicom(overrides={"PixelSpacing": [0.5, 0.5]})))
    lines = press(reader, "o", "m", "Enter", "Enter", *["ArrowRight"] * 10, "Enter")["lines"]
    assert [line["value"] for line in lines] == [pytest.approx(20, abs=0.01)]  # ten steps of four pixels


def test_dragging_windows_and_a_preset_returns(reader: Page, put: Put) -> None:
    before = view(reader, put(ct_dicom()))["window"]
    assert (before["centre"], before["width"]) == (-600, 1500)
    after = drag(reader, 80, -40)["window"]
    assert after["width"] > 1500
    assert after["centre"] < -600  # upwards is brighter
    assert press(reader, "2")["window"] == {"name": "Mediastinum", "centre": 40, "width": 400}
    assert press(reader, "3")["window"] == {"name": "Bone", "centre": 400, "width": 1800}
    assert press(reader, "1")["window"] == {"name": "Lung", "centre": -600, "width": 1500}


def test_the_wheel_turns_slices_and_zooms_with_ctrl(reader: Page, put: Put) -> None:
    scans = [put(ct_dicom(seed=n, instance_number=n)) for n in (1, 2, 3)]
    view(reader, scans[1])
    expect(reader.locator(".sv-strip").first).to_be_visible()
    reader.mouse.move(*middle(reader))
    reader.mouse.wheel(0, 100)
    expect(reader.locator(".sv-caption").first).to_contain_text("3 / 3")
    assert state(reader)["scan"] == str(scans[2].pk)
    zoom = state(reader)["zoom"]
    reader.keyboard.down("Control")
    reader.mouse.wheel(0, -100)
    reader.keyboard.up("Control")
    until(reader, lambda now: now["zoom"] > zoom)
    assert state(reader)["slice"]["index"] == 2


# --- keys --------------------------------------------------------------------------------------------------
def test_every_button_can_be_pressed_from_the_keyboard(reader: Page, put: Put) -> None:
    view(reader, put(xray_dicom()))
    seen = press(reader, "i", "r", "h", "+")
    assert seen["inverted"]
    assert (seen["view"]["turns"], seen["view"]["mirrored"]) == (1, True)
    assert seen["view"]["scale"] == pytest.approx(1.25)
    expect(reader.locator(".sv-flags").first).to_have_text("Mirrored · Turned 90° · Inverted")
    moved = press(reader, "ArrowLeft")["view"]
    assert (moved["x"], moved["y"]) != (0.5, 0.5)
    assert press(reader, "f")["view"] | {"turns": 1, "mirrored": True} == press(reader, "f")["view"]
    fresh = press(reader, "0")
    assert not fresh["inverted"]
    assert fresh["view"] == {"scale": 1, "x": 0.5, "y": 0.5, "turns": 0, "mirrored": False}
    assert [press(reader, key)["tool"] for key in "pzmw"] == ["pan", "zoom", "measure", "window"]
    unnamed = reader.locator(".sv-tools button:not([aria-label]), .sv-tools button:not([title*='('])")
    expect(unnamed).to_have_count(0)


def test_help_lists_the_keys_and_gives_the_focus_back(reader: Page, put: Put) -> None:
    view(reader, put(xray_dicom()))
    press(reader, "?")
    dialog = reader.get_by_role("dialog", name="Keys of the viewer")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Previous or chosen scan beside it")
    assert not press(reader, "i")["inverted"]  # no key reaches the image behind it
    press(reader, "Escape")
    expect(dialog).to_be_hidden()
    assert press(reader, "i")["inverted"]


def test_typing_is_never_taken_for_a_command(reader: Page, put: Put) -> None:
    view(reader, put(xray_dicom()))
    field = reader.get_by_role("searchbox").first
    field.fill("")
    field.press_sequentially("ir2m?")
    assert field.input_value() == "ir2m?"
    seen = state(reader)
    assert (seen["inverted"], seen["view"]["turns"], seen["tool"]) == (False, 0, "window")
    expect(reader.get_by_role("dialog")).to_have_count(0)


def test_keys_can_be_kept_to_the_viewer(reader: Page, put: Put) -> None:
    view(reader, put(xray_dicom()))
    press(reader, "?")
    reader.get_by_label("only while the viewer has the focus").check()
    press(reader, "Escape")
    reader.get_by_role("link", name="Back to the scan").focus()
    assert not press(reader, "i")["inverted"]
    reader.locator(".sv-stage").focus()
    assert press(reader, "i")["inverted"]


# --- comparing, and what the classifiers said --------------------------------------------------------------
def in_year(year: int) -> dict[str, Any]:
    return {"seed": year, "acquired_at": dt.datetime(year, 5, 1)}  # noqa: DTZ001


def test_the_previous_study_moves_along_and_keeps_its_window(reader: Page, put: Put) -> None:
    put(xray_dicom(**in_year(2023)))
    view(reader, put(xray_dicom(**in_year(2024))))
    press(reader, "v")
    captions = reader.locator(".sv-caption")
    expect(captions).to_have_text(["Chest X-ray, 1 May 2024", "Previous: Chest X-ray, 1 May 2023"])
    press(reader, "+", "h", "i")
    expect(reader.locator(".sv-flags")).to_have_text(["Mirrored · Inverted", "Mirrored"])
    press(reader, "l", "h")  # unlinked: only the first one is turned back
    expect(reader.locator(".sv-flags")).to_have_text(["Inverted", "Mirrored"])


def test_a_chosen_scan_is_not_called_previous(reader: Page, put: Put) -> None:
    later, earlier = put(xray_dicom(**in_year(2024))), put(xray_dicom(**in_year(2023)))
    reader.goto(f"/patients/{later.patient_id}/compare/?scan={earlier.pk}&scan={later.pk}")
    captions = reader.locator(".sv-caption")
    expect(captions).to_have_text(["Chest X-ray, 1 May 2023", "Chest X-ray, 1 May 2024"])
    reader.locator("scan-viewer").evaluate("viewer => viewer.reveal()")
    press(reader, "i")
    expect(reader.locator(".sv-flags").first).to_have_text("Inverted")  # it was drawn again
    expect(captions).to_have_text(["Chest X-ray, 1 May 2023", "Chest X-ray, 1 May 2024"])


def test_the_rows_of_a_result_change_the_map(reader: Page, put: Put) -> None:
    scan = put(xray_dicom())
    finish(scan, 0.9, 0.2, combined=0.5)
    reader.goto(f"/scans/{scan.pk}/")
    overlay = reader.locator("#attention")
    first, second = (reader.locator(f"summary[data-name=classifier-{number}]") for number in (0, 1))
    expect(overlay).to_have_attribute("alt", "Attention map of classifier-0")
    second.hover()
    expect(overlay).to_have_attribute("alt", "Attention map of classifier-1")
    reader.mouse.move(0, 0)
    expect(overlay).to_have_attribute("alt", "Attention map of classifier-0")
    second.focus()
    reader.keyboard.press("Enter")
    expect(second.locator("xpath=..")).to_have_attribute("open", "")
    first.hover()
    expect(overlay).to_have_attribute("alt", "Attention map of classifier-0")
    reader.mouse.move(0, 0)
    expect(overlay).to_have_attribute("alt", "Attention map of classifier-1")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_a_result_of_many_rows_fits_the_screen(reader: Page, put: Put, width: int) -> None:
    scan = put(xray_dicom())
    finish(scan, 0.9, 0.2, 0.3, 0.4, 0.5, 0.1, combined=0.5)
    reader.set_viewport_size({"width": width, "height": 844})
    reader.goto(f"/scans/{scan.pk}/")
    reader.locator("summary[data-name=classifier-0]").click()
    assert reader.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_the_attention_map_is_fetched_when_it_is_asked_for(reader: Page, put: Put) -> None:
    scan = put(xray_dicom())
    finish(scan, 0.9, 0.2)
    asked = requests_of(reader)
    view(reader, scan)
    assert not [url for url in asked if "attention.png" in url]
    before = reader.evaluate(SEEN)
    with reader.expect_response("**/attention.png"):
        press(reader, "a")
    expect(reader.locator(".sv-flags").first).to_contain_text("not where disease is")
    reader.wait_for_function(f"before => JSON.stringify(({SEEN})()) !== before", arg=told(before))
    assert press(reader, "Shift+A")["attention"]["maps"] == 2
    expect(reader.locator(".sv-flags").first).to_contain_text("classifier-1")
    press(reader, "a")
    expect(reader.locator(".sv-flags").first).to_be_hidden()
    reader.wait_for_function(f"before => JSON.stringify(({SEEN})()) === before", arg=told(before))


def test_each_slice_has_its_score_and_no_other_slices_map(reader: Page, put: Put) -> None:
    scans = [put(ct_dicom(seed=n, instance_number=n)) for n in (1, 2)]
    (drawn,) = finish_study({scans[0]: 0.9, scans[1]: 0.2}).predictions.all()
    view(reader, scans[0])
    strip = reader.locator(".sv-strip-text").first
    expect(strip).to_contain_text("Slice 1 of 2 · 90 % mean, 1 of 1 above")
    with reader.expect_response(f"**/{drawn.pk}/attention.png"):
        press(reader, "a")
    expect(reader.locator(".sv-flags").first).to_contain_text("Colour")
    assert press(reader, "PageDown")["attention"]["maps"] == 0
    expect(strip).to_contain_text("Slice 2 of 2 · 20 % mean, 0 of 1 above")
    expect(reader.locator(".sv-caption").first).to_contain_text("2 / 2")
    expect(reader.locator(".sv-flags").first).to_be_hidden()
    expect(reader.get_by_role("slider", name="Slice").first).to_have_attribute("aria-valuenow", "2")
    press(reader, "PageUp")
    expect(reader.locator(".sv-flags").first).to_contain_text("Colour")


def requests_of(page: Page) -> list[str]:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    return asked


def test_reading_first_keeps_the_result_from_page_and_network(reader: Page, put: Put, radiologist: User) -> None:
    ReadingPreference.objects.create(user=radiologist, read_first=True)
    scans = [put(ct_dicom(seed=n, instance_number=n)) for n in (1, 2)]
    finish_study(dict.fromkeys(scans, 0.9))
    asked = requests_of(reader)
    view(reader, scans[0])
    expect(reader.locator(".sv-strip").first).to_be_visible()
    assert press(reader, "a", "t", "PageDown")["attention"] == {"on": False, "maps": 0, "opacity": 0.45}
    expect(reader.locator(".sv-caption").first).to_contain_text("2 / 2")
    assert not [url for url in asked if "attention.png" in url or "scores" in url]
    html = reader.content()
    for word in ("attention.png", "scores", "classifier-0", "0.9"):
        assert word not in html
    expect(reader.get_by_role("button", name="Attention map")).to_have_count(0)


def test_a_key_image_is_offered_to_the_page(reader: Page, put: Put) -> None:
    scan = put(xray_dicom())
    view(reader, scan)
    expect(reader.get_by_role("button", name="Key image")).to_have_count(0)
    reader.evaluate("""() => {
        document.querySelector("scan-viewer").dataset.keyImages = "";
        window.heard = [];
        document.addEventListener("viewer:key-image", event => heard.push([event.detail.scan, event.detail.on]));
    }""")
    press(reader, "k")
    expect(reader.locator(".sv-flags").first).to_have_text("Key image")
    press(reader, "k")
    assert reader.evaluate("heard") == [[str(scan.pk), True], [str(scan.pk), False]]


# --- without a script, and on a tablet ---------------------------------------------------------------------
@pytest.fixture
def plain(browser: Browser, live_server: LiveServer, radiologist: User) -> Iterator[Page]:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, radiologist)
    with settled(page):
        yield page
    context.close()


def test_without_javascript_the_picture_is_shown(plain: Page, put: Put) -> None:
    scan = put(xray_dicom())
    plain.goto(f"/scans/{scan.pk}/view/")
    picture = plain.get_by_role("img", name="Chest X-ray")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 100


def test_two_fingers_zoom_and_move(reader: Page, put: Put) -> None:
    before = view(reader, put(xray_dicom()))["view"]
    x, y = middle(reader)
    session = reader.context.new_cdp_session(reader)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 50, y), (x + 50, y))
    for apart in (60, 80, 100):
        touch("touchMove", (x - apart + 30, y), (x + apart + 30, y))
    touch("touchEnd")
    # Moves come with a frame, and nobody waits for them.
    after = until(reader, lambda now: now["view"]["scale"] > 1.9 * before["scale"])["view"]
    assert after["scale"] == pytest.approx(2 * before["scale"], rel=0.05)
    assert after["x"] < before["x"]  # the image followed the fingers to the right
    assert state(reader)["window"]["name"] == "Default"


def test_at_200_percent_image_and_controls_stay_usable(reader: Page, put: Put) -> None:
    reader.set_viewport_size({"width": 640, "height": 450})
    view(reader, put(xray_dicom()))
    stage = reader.locator(".sv-stage").bounding_box()
    assert stage is not None
    assert stage["height"] >= 140
    assert reader.evaluate("document.documentElement.scrollWidth") <= 640
    button = reader.get_by_role("button", name="Invert black and white")
    button.click()
    assert state(reader)["inverted"]
