"""Key images: what was marked and drawn in the browser, what is stored of it, and what a report shows."""

from __future__ import annotations

import json
import math
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.models import User
from diagnosis.actions.key_images import prepare_key_images
from diagnosis.actions.report import sign_report
from diagnosis.actions.review import claim_review
from diagnosis.forms.key_images import MarkedImagesField
from diagnosis.models import KeyImage, Patient, Report, Review
from diagnosis.reports import content as report_content
from diagnosis.reports.key_images import key_images
from diagnosis.reports.picture import pictures_of
from diagnosis.scans import rendition
from diagnosis.scans.marked_picture import marked_picture
from diagnosis.scans.measuring import Kind, Measurement, Shape, measure, within
from ml.imaging.greyscale import Greyscale
from ml.imaging.tone import Tone
from tests.conftest import PASSWORD
from tests.factories import new_case, read

NOT_A_NUMBER = [{"kind": "length", "points": [[0, 0], [math.nan, 1]]}]

pytestmark = pytest.mark.django_db


def image(spacing: tuple[float, float] | None = None, **more: Any) -> Greyscale:
    """20 × 10, each pixel ten times its column."""
    raw = np.tile(np.arange(0, 200, 10, dtype=np.uint16), (10, 1))
    return Greyscale(raw, 12, Tone(100.0, 200.0), spacing=spacing, **more)


def shape(kind: str, *points: tuple[float, float]) -> Shape:
    return Shape.read({"kind": kind, "points": [list(point) for point in points]})


def marked(review: Review, **more: Any) -> dict[str, Any]:
    drawn = {"kind": "length", "points": [[0, 0], [3, 4]]}
    window = {"centre": 120, "width": 80}
    told = {"image": str(review.scan.pk), "key": True, "window": window, "inverted": True, "measurements": [drawn]}
    return told | more


# --- measuring ---------------------------------------------------------------------------------------------


def test_a_length_is_in_millimetres_only_where_the_file_says_how_far_apart_pixels_lie() -> None:
    drawn = shape("length", (0, 0), (3, 4))
    known = measure(drawn, image((0.5, 0.25)))
    assert (known.value, known.unit) == (pytest.approx(math.hypot(0.75, 2)), "mm")
    unknown = measure(drawn, image())
    assert (unknown.value, unknown.unit, unknown.in_mm) == (5, "px", False)
    assert measure(drawn, image((1, 1), spacing_at_detector=True)).at_detector


@pytest.mark.parametrize(
    ("points", "degrees"),
    [(((9, 0), (0, 0), (0, 9)), 90), (((9, 0), (0, 0), (-9, 0)), 180), (((1, -1), (0, 0), (1, 1)), 90)],
)
def test_an_angle_lies_at_its_second_point(points: Any, degrees: float) -> None:
    assert measure(shape("angle", *points), image()).value == pytest.approx(degrees)


def test_an_angle_takes_the_shape_of_the_pixels() -> None:
    assert measure(shape("angle", (1, 0), (0, 0), (1, 1)), image((2, 1))).value == pytest.approx(63.435, abs=1e-3)


def test_a_region_has_mean_spread_and_area_over_the_pixels_within() -> None:
    found = measure(shape("rectangle", (6, 2), (2, 4)), image((0.5, 2), slope=2, intercept=-1000, unit="HU"))
    assert found.value == pytest.approx(2 * 35 - 1000)
    assert found.spread == pytest.approx(2 * np.std([20, 30, 40, 50]))
    assert (found.area, found.in_mm, found.unit) == (8 * 0.5 * 2, True, "HU")
    outside = measure(shape("ellipse", (50, 50), (60, 60)), image())
    assert (outside.value, outside.spread, outside.area) == (None, None, 0)


def test_an_ellipse_leaves_its_corners_out() -> None:
    inside = within(shape("ellipse", (0, 0), (10, 10)), (10, 10))
    assert not inside[0, 0]
    assert inside[0, 5]
    assert inside.sum() == pytest.approx(math.pi * 25, rel=0.05)


# --- what a browser sends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        "nonsense",
        "{}x",
        '[{"image": "no-key", "key": true, "measurements": []}]',
        json.dumps([{"image": "0" * 32, "key": True, "measurements": [{"kind": "length", "points": [[0, 0]]}]}]),
        json.dumps([{"image": "0" * 32, "key": True, "measurements": [{"kind": "spell", "points": [[0, 0]]}]}]),
        json.dumps([{"image": "0" * 32, "key": True, "measurements": NOT_A_NUMBER}]),
        json.dumps([{"image": "0" * 32, "key": True, "window": {"centre": 1, "width": 0}, "measurements": []}]),
    ],
)  # fmt: skip
def test_what_is_no_key_image_is_refused(sent: str) -> None:
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError):
        MarkedImagesField().clean(sent)


def test_without_a_script_nothing_is_sent() -> None:
    assert MarkedImagesField().clean("") is None
    assert MarkedImagesField().clean("[]") == []


# --- from the reading to the report ------------------------------------------------------------------------


@pytest.fixture
def review(radiographer: User, patient: Patient) -> Review:
    return new_case(radiographer, patient)


def prepared(review: Review, *told: dict[str, Any]) -> list[KeyImage]:
    return prepare_key_images(review, MarkedImagesField().clean(json.dumps(told)))


def test_only_key_images_of_this_study_are_stored(review: Review, radiographer: User, patient: Patient) -> None:
    other = new_case(radiographer, patient, 7)
    rows = prepared(review, marked(other), marked(review, key=False), marked(review))
    assert [(row.image_id, row.place, row.window_centre, row.inverted) for row in rows] == [
        (review.scan.pk, 1, 120, True)
    ]
    assert rows[0].measurements[0]["value"] == 5


def test_a_decision_does_not_wait_for_a_file_that_cannot_be_read(
    review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_scan: object) -> None:
        raise OSError

    monkeypatch.setattr("diagnosis.actions.key_images.measured", broken)
    [row] = prepared(review, marked(review))
    assert row.measurements[0]["value"] is None


def decided(client: Client, review: Review, radiologist: User, **sent: Any) -> Report:
    claim_review(by=radiologist, review=review)
    client.force_login(radiologist)
    words = {"category": "negative", "decision": "no_result", "image_quality": "good", "impression": "Clear lungs."}
    answer = client.post(reverse("diagnosis:review-decide", args=[review.pk]), words | sent)
    assert answer.status_code == 302
    return Report.objects.get(review=review)


def test_the_report_shows_key_images_with_window_and_measurements(
    client: Client, review: Review, radiologist: User
) -> None:
    report = decided(client, review, radiologist, key_images=json.dumps([marked(review)]))
    assert report.is_key_image
    page = client.get(reverse("diagnosis:report-detail", args=[report.pk])).content.decode()
    assert "window W 80 L 120" in page
    assert "length 5 pixels" in page
    assert " mm" not in page.split("report-image")[1].split("</figure>")[0]
    assert page.count(reverse("diagnosis:report-key-image", args=[report.pk, 1])) == 1
    assert "report-key-images" not in page
    picture = client.get(reverse("diagnosis:report-key-image", args=[report.pk, 1]))
    with Image.open(BytesIO(picture.content)) as opened:
        assert max(opened.size) == 1024
    assert client.get(reverse("diagnosis:report-key-image", args=[report.pk, 2])).status_code == 404


def test_paper_and_the_head_of_the_page_show_the_key_image_instead_of_the_studys_own(
    client: Client, review: Review, radiologist: User
) -> None:
    report = decided(client, review, radiologist, key_images=json.dumps([marked(review)]))
    (printed,) = pictures_of(report)
    assert printed.caption == "Key image 1: Image, window W 80 L 120, black and white exchanged"
    assert printed.measurements == ("length 5 pixels (the file does not say their size)",)
    assert printed.png
    with Image.open(BytesIO(printed.png)) as opened:
        assert (opened.mode, max(opened.size)) == ("RGB", 720)
    of_study = reverse("diagnosis:scan-image", args=[review.scan.pk])
    page = reverse("diagnosis:report-detail", args=[report.pk])
    assert of_study not in client.get(page).content.decode()
    KeyImage.objects.all().delete()
    (printed,) = pictures_of(report)
    assert (printed.caption, printed.measurements) == ("", ())
    assert printed.png == rendition.rendition(review.scan, 1024)
    assert of_study in client.get(page).content.decode()


def test_without_a_script_the_box_stands_for_the_image_that_was_shown(
    client: Client, review: Review, radiologist: User
) -> None:
    report = decided(client, review, radiologist, is_key_image="on")
    [shown] = key_images(report)
    assert (shown.image, shown.window, shown.measurements) == (review.scan, "", ())


def test_the_list_of_a_script_outweighs_the_box(client: Client, review: Review, radiologist: User) -> None:
    report = decided(client, review, radiologist, is_key_image="on", key_images="[]")
    assert not report.is_key_image
    assert key_images(report) == []


def test_a_signed_report_keeps_its_key_images_whatever_becomes_of_the_rows(
    client: Client, review: Review, radiologist: User
) -> None:
    report = decided(client, review, radiologist, key_images=json.dumps([marked(review)]))
    signed = sign_report(by=radiologist, report=report, password=PASSWORD)
    KeyImage.objects.all().delete()
    assert report_content.is_intact(signed)
    assert [shown.measurements for shown in key_images(signed)] == [
        ("length 5 pixels (the file does not say their size)",)
    ]


def test_a_report_that_was_signed_before_there_were_key_images_has_none(review: Review, radiologist: User) -> None:
    report = sign_report(by=radiologist, report=read(radiologist, review).report, password=PASSWORD)
    del report.snapshot["key_images"]
    assert key_images(report) == []


# --- the picture -------------------------------------------------------------------------------------------


def painted(found: Greyscale, **more: Any) -> Any:
    wanted: dict[str, Any] = {"window": None, "inverted": False, "shapes": [], "side": 40} | more
    with Image.open(BytesIO(marked_picture(found, **wanted))) as opened:
        return np.asarray(opened)


def test_the_picture_is_windowed_as_the_viewer_windows() -> None:
    narrow = painted(image(), window=(100, 20))
    assert (narrow[10, 2] == 0).all()
    assert (narrow[10, 38] == 255).all()
    assert (painted(image(), window=(100, 20), inverted=True)[10, 2] == 255).all()


def test_pixels_that_are_not_square_are_shown_in_their_true_shape() -> None:
    assert painted(image((2, 1))).shape == (40, 40, 3)
    assert painted(image()).shape == (20, 40, 3)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_was_measured_is_drawn(kind: Kind) -> None:
    points = [(4, 2), (16, 8), (16, 2)][: 3 if kind == Kind.ANGLE else 2]
    drawn = painted(image(), shapes=[shape(kind, *points)], side=400)
    coloured = (drawn[..., 0].astype(int) - drawn[..., 2]) > 60
    assert coloured.sum() > 100


def test_a_measurement_survives_being_stored() -> None:
    found = measure(shape("rectangle", (1, 1), (5, 5)), image((1, 1)))
    assert Measurement.restored(json.loads(json.dumps(found.stored))) == found
