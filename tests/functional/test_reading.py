"""The reading room in the browser: two readers at once, the keyboard alone, lost leases, reading first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Error, Page, Request, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Clinic, User
from diagnosis.actions.review import LEAVING, claim_review, release_review
from diagnosis.models import Draft, KeyImage, Patient, Phrase, ReadingPolicy, Report, Review
from diagnosis.states import ReviewStatus as S
from diagnosis.views.review import claim, queue
from tests.conftest import PASSWORD
from tests.factories import ABNORMALITY, finish, new_case, new_patient
from tests.functional.steps import settled, sign_in, until
from tests.slow import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.django_db(transaction=True)

CASE = re.compile(r"/reading/[0-9a-f-]{36}/")
NO_WORDS_HERE = "() => !Object.keys(localStorage).some(key => key.startsWith('reading-words:'))"
UNREAD = "the browser had forgotten this answer"
Desk = Callable[[User], Page]


@pytest.fixture
def desk(browser: Browser, live_server: LiveServer) -> Iterator[Desk]:
    """`desk(reader)`: the queue in a browser of the reader's own."""
    opened: list[Page] = []

    def sit_down(reader: User) -> Page:
        context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
        page = context.new_page()
        opened.append(page)
        sign_in(page, reader)
        page.goto("/reading/")
        return page

    yield sit_down
    for page in opened:
        if not page.is_closed():
            with settled(page):
                page.goto("/healthz")  # a case says farewell while the server can still hear it
            page.context.close()


@pytest.fixture
def cases(clinic: Clinic, radiographer: User) -> list[Review]:
    """Three, each of another patient and with a result; the first in the queue is the first here."""
    made = []
    for number, probability in enumerate((0.9, 0.6, 0.1)):
        review = new_case(radiographer, new_patient(clinic, radiographer, f"N{number}"), number)
        finish(review.scan, probability)
        made.append(review)
    return made


def take_next(page: Page) -> str:
    page.keyboard.press("n")
    page.wait_for_url(CASE)
    expect(page.locator("scan-viewer canvas").first).to_be_visible()
    return page.url


def test_the_queue_tells_a_result_in_readable_lines_on_a_phone(
    clinic: Clinic, radiographer: User, desk: Desk, radiologist: User
) -> None:
    review = new_case(radiographer, new_patient(clinic, radiographer, "N1"))
    finish(review.scan, 0.1, 0.1, combined=0.1, abnormality=ABNORMALITY)
    page = desk(radiologist)
    page.set_viewport_size({"width": 390, "height": 844})
    for part in (".pill", ".queue-who"):
        box = page.locator(f".queue-result {part}").bounding_box()
        assert box and box["x"] + box["width"] <= 390
        assert box["width"] > box["height"], part


def test_a_key_pressed_twice_takes_one_case(
    cases: list[Review], desk: Desk, radiologist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, go = desk(radiologist), Event()
    take = queue.claim_next

    def slow(**asked: Any) -> Review | None:
        go.wait(PATIENCE_SECONDS)
        return take(**asked)

    monkeypatch.setattr(queue, "claim_next", slow)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/reading/next/") else None)
    with page.expect_request("**/reading/next/"):
        page.keyboard.press("n")
    page.keyboard.press("n")
    go.set()
    page.wait_for_url(CASE)
    assert len(sent) == 1
    assert Review.objects.filter(reader=radiologist).count() == 1


def test_two_readers_get_two_cases_and_a_closed_browser_gives_its_back(
    cases: list[Review], desk: Desk, radiologist: User, member: Callable[[str], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnosis.actions.review.LEAVING", timedelta(seconds=1))
    anna, boris = desk(radiologist), desk(member("radiologist"))
    assert take_next(anna) != take_next(boris)
    assert Review.objects.filter(status=S.CLAIMED).count() == 2

    watching = desk(member("radiologist"))
    expect(watching.locator("tbody tr", has_text="Being read by")).to_have_count(2)
    boris.close(run_before_unload=True)
    expect(watching.locator("tbody tr", has_text="Being read by")).to_have_count(1)
    assert Review.objects.filter(status=S.CLAIMED).count() == 1


def test_a_whole_reading_with_the_keyboard_alone(cases: list[Review], desk: Desk, radiologist: User) -> None:
    page = desk(radiologist)
    first = take_next(page)
    keys = page.keyboard
    keys.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Rotate a quarter clockwise")
    expect(page.get_by_role("dialog")).to_contain_text("Negative for pneumonia")
    keys.press("Escape")
    for key in ("Shift+Digit1", "Shift+KeyY", "Shift+KeyK", "Shift+Digit5"):
        keys.press(key)
    keys.press("Shift+KeyI")
    keys.type("Nothing abnormal? No.")  # `?` is a letter here, not a key
    keys.press("Escape")
    keys.press("i")  # the viewer's: inverts the image, types nothing
    keys.press("Control+Enter")
    page.wait_for_url(lambda url: url != first)

    done = Review.objects.get(pk=cases[0].pk)
    assert (done.status, done.decision, done.category, done.image_quality) == (S.DECIDED, "agree", "typical", "good")
    assert done.findings == "Bilateral opacities, predominantly peripheral and in the lower zones."
    assert done.impression == "Nothing abnormal? No."
    assert Report.objects.get().is_key_image
    assert str(cases[1].pk) in page.url
    assert not Draft.objects.exists()


def test_a_phrase_is_filled_in_with_f2_and_handed_over_when_nothing_is_left(
    cases: list[Review], clinic: Clinic, desk: Desk, member: Callable[[str], User]
) -> None:
    words = {"findings": "Nodule in the [side] lung, [size] mm.", "impression": "Nodule, [size] mm."}
    Phrase.objects.create(clinic=clinic, name="Nodule", **words)
    page = desk(member("trainee"))
    take_next(page)
    keys = page.keyboard
    for key in ("Shift+Digit1", "Shift+KeyY", "Shift+KeyP"):
        keys.press(key)
    page.get_by_role("button", name="Nodule", exact=True).click()
    keys.type("left")
    keys.press("F2")
    keys.type("8")
    keys.press("Control+Shift+Enter")
    expect(page.locator("[data-unfilled=impression]")).to_be_visible()
    assert not Report.objects.exists()
    keys.type("8")  # what is left was selected, brackets and all
    expect(page.locator("[data-unfilled=impression]")).to_be_hidden()
    with page.expect_navigation():
        keys.press("Control+Shift+Enter")
    report = Report.objects.get()
    assert (report.findings, report.impression) == ("Nodule in the left lung, 8 mm.", "Nodule, 8 mm.")
    assert report.handed_over_at and not report.is_final


def test_no_password_is_asked_for_before_what_is_missing_is_filled_in(
    cases: list[Review], desk: Desk, radiologist: User
) -> None:
    page = desk(radiologist)
    take_next(page)
    page.get_by_role("button", name="Decide and sign").click()
    expect(page.get_by_text("Choose a category.")).to_be_visible()
    expect(page.get_by_role("dialog", name="Sign with your password")).to_be_hidden()


# Counts what a person does: keys (one with its modifiers is one) and clicks, across pages.
COUNTER = """
    const count = (event) => {
      if (!event.isTrusted || event.repeat || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
      if (event.type === "click" && event.detail === 0) return;
      localStorage.setItem("done", String(Number(localStorage.getItem("done") ?? 0) + 1));
    };
    for (const type of ["keydown", "click"]) addEventListener(type, count, { capture: true });
"""


def test_a_normal_study_is_read_and_signed_with_six_keys_and_no_password_of_its_own(
    clinic: Clinic, radiographer: User, desk: Desk, radiologist: User
) -> None:
    cases = [new_case(radiographer, new_patient(clinic, radiographer, f"N{n}"), n) for n in range(3)]
    for case in cases:
        finish(case.scan, 0.1)
    page = desk(radiologist)
    page.context.add_init_script(COUNTER)
    page.reload()
    take_next(page)
    normal(page)
    proof = page.get_by_role("dialog", name="Sign with your password")
    proof.get_by_label("Your password").fill("guess")
    page.keyboard.press("Enter")
    expect(proof).to_contain_text("not your password")
    proof.get_by_label("Your password").fill(PASSWORD)
    first = page.url
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != first and bool(CASE.search(url)))

    # The next one from the queue: the password serves it too.
    page.goto("/reading/")
    release_review(by=radiologist, review=Review.objects.held_by(radiologist).get())
    page.reload()
    page.evaluate("localStorage.setItem('done', '0')")
    second = take_next(page)
    normal(page)
    page.wait_for_url(lambda url: url != second and bool(CASE.search(url)))
    assert int(page.evaluate("localStorage.getItem('done')")) <= 6
    signed = Report.objects.filter(status="final")
    assert {report.review_id for report in signed} == {cases[0].pk, cases[1].pk}
    assert all(report.impression and report.category == "negative" for report in signed)


def normal(page: Page) -> None:
    """Category, agreement, the impression's sentence, and the signature."""
    for key in ("Shift+Digit4", "Shift+KeyY", "Shift+Digit7", "Control+Shift+Enter"):
        page.keyboard.press(key)


def test_the_viewers_key_image_is_the_reports(cases: list[Review], desk: Desk, radiologist: User) -> None:
    page = desk(radiologist)
    take_next(page)
    button, box = page.get_by_role("button", name="Key image"), page.locator("input[name=is_key_image]")
    button.click()
    expect(box).to_be_checked()
    expect(page.locator(".sv-flags").first).to_contain_text("Key image")
    page.keyboard.press("Shift+KeyK")
    expect(button).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("k")
    expect(box).to_be_checked()
    expect(page.locator("#saved")).to_contain_text("Draft saved")
    page.reload()
    expect(page.get_by_role("button", name="Key image")).to_have_attribute("aria-pressed", "true")


def test_it_always_stands_there_whose_image_it_is(
    cases: list[Review], desk: Desk, radiologist: User, radiographer: User
) -> None:
    again = new_case(radiographer, cases[0].study.patient, 8, urgent=True)
    page = desk(radiologist)
    first = take_next(page)
    assert str(again.pk) in first
    patient = again.study.patient
    expect(page.locator(".sv-who").first).to_contain_text(patient.name)
    expect(page.locator(".sv-who").first).to_contain_text(patient.medical_record_number)
    expect(page.locator(".sv-caption").first).to_contain_text("date not known, received")
    page.locator("#id_impression").focus()
    page.locator("#id_impression").scroll_into_view_if_needed()
    expect(page.get_by_role("heading", name=patient.name)).to_be_in_viewport()
    expect(page.locator(".desk-change")).to_have_count(0)
    decide(page, "no_result")
    expect(page.locator(".desk-change")).to_have_text("Same patient, other examination")
    decide(page, "agree")
    expect(page.locator(".desk-change")).to_have_text(f"New patient: {cases[1].study.patient.name}")


def decide(page: Page, decision: str) -> None:
    address = page.url
    page.get_by_label("Typical appearance", exact=False).first.check()
    if decision == "agree":
        page.get_by_label("Agree").check()
    page.locator("#id_impression").fill("Clear.")
    page.locator("#decide").click()
    page.wait_for_url(lambda url: url != address)


def test_attention_and_comparison_do_not_move_the_image(cases: list[Review], desk: Desk, radiologist: User) -> None:
    page = desk(radiologist)
    take_next(page)
    viewer = page.locator("scan-viewer")
    viewer.evaluate("viewer => viewer.ready")
    zoom = "viewer => viewer.state.zoom"
    before = viewer.evaluate(zoom)
    page.keyboard.press("a")
    expect(page.locator(".sv-opacity")).to_be_visible()
    assert viewer.evaluate(zoom) == before


def test_a_key_image_reaches_the_report_as_it_was_seen_and_measured(
    cases: list[Review], desk: Desk, radiologist: User
) -> None:
    page = desk(radiologist)
    first = take_next(page)
    viewer = page.locator("scan-viewer")
    viewer.evaluate("viewer => viewer.ready")
    page.keyboard.press("2")
    page.keyboard.press("k")
    page.keyboard.press("e")
    box = page.locator(".sv-marks").first.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 60, y - 40)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=3)
    page.mouse.up()
    expect(page.locator("[data-key-list]")).to_have_text("In the report: 1 key image · 1 measurement on it")
    [shown] = viewer.evaluate("viewer => viewer.state.shapes")
    window = viewer.evaluate("viewer => viewer.state.window")
    expect(page.locator("#saved")).to_contain_text("Draft saved")
    page.reload()
    expect(page.locator("[data-key-list]")).to_contain_text("1 measurement")
    page.locator("scan-viewer").evaluate("viewer => viewer.ready")
    assert page.locator("scan-viewer").evaluate("viewer => viewer.state.shapes")[0]["text"] == shown["text"]
    page.get_by_label("Typical appearance", exact=False).first.check()
    page.get_by_label("Agree").check()
    page.locator("#id_impression").fill("Pneumonia.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: url != first)

    kept = KeyImage.objects.get()
    assert kept.image == cases[0].scan
    assert (kept.window_centre, kept.window_width) == pytest.approx((window["centre"], window["width"]))
    [measured] = kept.measurements
    assert f"mean {measured['value']:,.1f}, SD {measured['spread']:,.1f}" in shown["text"]
    page.goto(f"/reports/{Report.objects.get().pk}/")
    expect(page.locator(".report-image li")).to_contain_text("standard deviation")
    picture = page.locator(".report-image img")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 1024)


def test_a_draft_is_saved_by_itself_and_survives_a_reload(cases: list[Review], desk: Desk, radiologist: User) -> None:
    page = desk(radiologist)
    take_next(page)
    page.keyboard.press("Shift+KeyF")
    page.keyboard.type("So far so good.")
    expect(page.locator("#saved")).to_contain_text("Draft saved")
    page.keyboard.press("Escape")
    _save_nothing_more(page)
    page.keyboard.press("Shift+Digit3")
    page.reload()
    expect(page.locator("#id_findings")).to_have_value("So far so good.")
    expect(page.get_by_label("Atypical appearance")).to_be_checked()
    page.wait_for_function(NO_WORDS_HERE)
    expect(page.locator("#saved")).to_contain_text("restored")  # also once the server has it
    assert Draft.objects.get().content["category"] == "atypical"
    expect(page.locator("#lost")).to_be_hidden()
    assert Review.objects.get(pk=cases[0].pk).is_held_by(radiologist)


def _save_nothing_more(page: Page) -> None:
    """Of what is in the browser now; what the next page of the case saves is taken."""
    opened = page.locator("[name=page_opened_at]").input_value()

    def refuse_old(route: Route) -> None:
        route.abort() if opened in (route.request.post_data or "") else route.continue_()

    page.route("**/draft/", refuse_old)


def test_words_survive_a_reload_whose_farewell_comes_late(
    cases: list[Review], desk: Desk, radiologist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = desk(radiologist)
    with page.expect_request_finished(lambda request: request.url.endswith("/renew/")):
        take_next(page)
    late, heard = Event(), Event()
    keep, leave = claim._keep, claim.leave_review

    def delayed(*told: Any) -> None:
        late.wait(PATIENCE_SECONDS)
        keep(*told)

    def left(**told: Any) -> None:
        leave(**told)
        heard.set()

    monkeypatch.setattr(claim, "_keep", delayed)
    monkeypatch.setattr(claim, "leave_review", left)
    page.keyboard.press("Shift+KeyF")
    page.keyboard.type("Said in haste")
    page.reload()
    expect(page.locator("#id_findings")).to_have_value("Said in haste")
    page.locator("#id_findings").press("Control+End")  # the cursor is in front of words that came with the page
    page.locator("#id_findings").press_sequentially(", and more")
    # "Draft saved" may speak of the words before these.
    eventually(lambda: _findings_kept() == "Said in haste, and more", "the draft has every word")
    late.set()
    assert heard.wait(PATIENCE_SECONDS)
    assert _findings_kept() == "Said in haste, and more"
    assert Review.objects.get(pk=cases[0].pk).lease_expires_at > timezone.now() + LEAVING  # nor was the case lost
    page.reload()
    expect(page.locator("#id_findings")).to_have_value("Said in haste, and more")


def _findings_kept() -> str | None:
    draft = Draft.objects.first()
    return draft.content["findings"] if draft else None


def test_words_survive_a_server_that_is_away_and_go_once_it_has_them(
    cases: list[Review], desk: Desk, radiologist: User
) -> None:
    page = desk(radiologist)
    address = take_next(page)
    page.route("**/draft/", lambda route: route.abort())
    page.route("**/leave/", lambda route: route.abort())
    page.keyboard.press("Shift+KeyF")
    page.keyboard.type("Typed offline")
    expect(page.locator("#saved")).to_contain_text("kept in this browser")
    assert not Draft.objects.exists()
    page.goto("about:blank")
    page.unroute("**/draft/")
    page.goto("/reading/")
    page.wait_for_function(NO_WORDS_HERE)
    assert Draft.objects.get().content["findings"] == "Typed offline"
    page.goto(address)
    expect(page.locator("#id_findings")).to_have_value("Typed offline")


def test_an_ended_session_leads_to_the_sign_in_and_back_with_the_words(
    cases: list[Review], desk: Desk, radiologist: User
) -> None:
    page = desk(radiologist)
    take_next(page)
    page.context.clear_cookies()
    page.locator("#id_findings").fill("Not yet sent")
    page.get_by_label("Negative for pneumonia").check()
    page.get_by_label("Agree").check()
    page.locator("#id_impression").fill("Clear.")
    page.locator("#decide").click()
    page.get_by_role("link", name="Sign in and go back to this case").click()
    page.get_by_label("E-mail").fill(radiologist.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(CASE)
    expect(page.locator("#id_findings")).to_have_value("Not yet sent")
    expect(page.locator("#id_impression")).to_have_value("Clear.")


def test_signing_out_leaves_nothing_that_was_typed(cases: list[Review], desk: Desk, radiologist: User) -> None:
    page = desk(radiologist)
    take_next(page)
    page.route("**/leave/", lambda route: route.abort())
    page.keyboard.press("Shift+KeyF")
    page.keyboard.type("The name of a patient")
    page.evaluate("document.querySelector('form[data-copies-of]').requestSubmit()")
    page.wait_for_url(lambda url: "/reading/" not in url)
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('reading-words:'))") == []
    assert Draft.objects.get().content["findings"] == "The name of a patient"


def test_what_is_missing_is_said_beside_its_field(cases: list[Review], desk: Desk, radiologist: User) -> None:
    page = desk(radiologist)
    address = take_next(page)
    page.locator("#decide").click()
    for name in ("category", "decision", "impression"):
        expect(page.locator(f"[data-missing={name}]")).to_be_visible()
    expect(page.locator("[data-missing=image_quality]")).to_be_hidden()
    page.get_by_label("Negative for pneumonia").check()
    expect(page.locator("[data-missing=category]")).to_be_hidden()
    assert page.url == address
    page.goto(f"{address}decision/")
    page.wait_for_url(CASE)
    assert page.url == address


def test_a_lost_lease_is_said_and_the_words_are_kept(
    cases: list[Review], desk: Desk, radiologist: User, member: Callable[[str], User], settings: object
) -> None:
    settings.REVIEW_LEASE = timedelta(seconds=3)  # type: ignore[attr-defined]
    page = desk(radiologist)
    take_next(page)
    page.locator("#id_findings").fill("Not to be lost")
    # Gone and taken by another, as after a long sleep of the machine.
    release_review(by=radiologist, review=cases[0])
    settings.REVIEW_LEASE = timedelta(seconds=90)  # type: ignore[attr-defined]
    claim_review(by=member("radiologist"), review=cases[0])
    expect(page.locator("#lost")).to_contain_text("Your draft is kept")
    expect(page.locator("#decide")).to_be_disabled()
    Review.objects.filter(pk=cases[0].pk).update(lease_expires_at="2000-01-01T00:00Z")
    page.get_by_role("button", name="Take this case again").click()
    expect(page.locator("#id_findings")).to_have_value("Not to be lost")
    expect(page.locator("#lost")).to_be_hidden()
    assert Review.objects.get(pk=cases[0].pk).is_held_by(radiologist)


def test_reading_first_keeps_the_result_from_the_page_and_from_the_network(
    cases: list[Review], desk: Desk, radiologist: User, clinic: Clinic
) -> None:
    ReadingPolicy.objects.create(clinic=clinic, read_first="always")
    page = desk(radiologist)
    heard: dict[str, str] = {}
    page.on("requestfinished", lambda request: _hear(request, heard))
    page.reload()
    until(page, lambda: any(url.endswith("/reading/") for url in heard), "the queue's page is heard")
    take_next(page)
    page.locator("scan-viewer").evaluate("viewer => viewer.ready")
    expect(page.locator("#decide")).to_be_disabled()
    page.keyboard.press("a")  # the attention map, were there one
    page.keyboard.press("Shift+Digit1")
    expect(page.locator("#saved")).to_contain_text("Draft saved")
    # The last of these is the last thing that a page asks for.
    for part in ("/reading/", "/greyscale", "/renew/", "/draft/", "neighbours"):
        until(page, lambda part=part: any(part in url for url in heard), f"{part} is heard")  # type: ignore[misc]
    _ask_again(page, heard)
    assert [url for url, body in heard.items() if _tells(body)] == []

    page.keyboard.press("Shift+Enter")
    expect(page.locator("#stand")).to_contain_text("90.0")
    expect(page.locator("#stand")).to_contain_text("Your first impression: Typical")
    expect(page.locator("#decide")).to_be_enabled()
    expect(page.get_by_role("button", name="Attention map")).to_be_visible()  # the viewer asks what it may show now
    page.keyboard.press("a")
    expect(page.locator(".sv-flags").first).to_contain_text("classifier-0")
    # The map's caption comes before its picture.
    until(page, lambda: len([url for url, body in heard.items() if _tells(body)]) >= 2, "the result is heard")
    assert Review.objects.get(pk=cases[0].pk).first_impressions.get().category == "typical"


def _hear(request: Request, heard: dict[str, str]) -> None:
    answer = request.response()
    if answer is None or "/static/" in request.url or answer.status in (204, 302, 304):
        return
    try:
        heard[request.url] = answer.body().decode("latin-1")
    except Error:
        heard[request.url] = UNREAD


def _ask_again(page: Page, heard: dict[str, str]) -> None:
    """What the browser had forgotten, because it was on its way to the next page."""
    for url in [url for url, body in heard.items() if body == UNREAD]:
        answer = page.request.get(url)
        assert answer.ok, url
        heard[url] = answer.text()


def _tells(body: str) -> bool:
    return any(trace in body for trace in ("classifier-0", "90.0", "0.90", "moved up by the result", "/predictions/"))


def test_the_queue_follows_without_reloading(
    cases: list[Review], desk: Desk, radiologist: User, radiographer: User, patient: Patient
) -> None:
    page = desk(radiologist)
    page.evaluate("window.untouched = true")
    expect(page.locator("tbody tr")).to_have_count(3)
    new_case(radiographer, patient, 9, urgent=True)
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(page.locator("tbody tr").first).to_contain_text("Berg")
    assert page.evaluate("window.untouched")
