"""The printed report: what stands on which page, in which order, and in any script."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from accounts.logo import read_logo
from accounts.models import Clinic, Letterhead, User
from diagnosis.actions.report import add_addendum, sign_report
from diagnosis.models import EnsemblePrediction, Patient, Report
from diagnosis.reports.pdf import render_pdf
from diagnosis.reports.pdf.fonts import REGULAR
from diagnosis.reports.pdf.markup import cannot_print, marked_up
from diagnosis.reports.picture import Picture
from tests.conftest import CI, PASSWORD
from tests.factories import finish, new_case, read
from tests.images import xray_png

pytestmark = pytest.mark.django_db
LONG = "The lungs are clear. The heart is not enlarged. " * 40


@pytest.fixture
def pages(tmp_path: Path) -> Callable[..., list[str]]:
    """The words of each page of a report's PDF, as they stand from top to bottom."""
    if not shutil.which("pdftotext"):
        (pytest.fail if CI else pytest.skip)("There is no pdftotext: apt-get install poppler-utils.")

    def printed_pages(report: Report, *pictures: Picture) -> list[str]:
        file = tmp_path / "report.pdf"
        file.write_bytes(
            render_pdf(
                Report.objects.get(pk=report.pk),
                pictures=pictures or (Picture(xray_png()),),
                verification_url="https://portal.example/verify/x/",
            )
        )
        told = subprocess.run(["pdftotext", "-layout", file, "-"], check=True, capture_output=True, text=True)
        return told.stdout.split("\f")[:-1]

    return printed_pages


@pytest.fixture
def preliminary(radiographer: User, radiologist: User, patient: Patient) -> Report:
    review = new_case(radiographer, patient)
    finish(review.scan, *(0.9, 0.8, 0.85, 0.7, 0.95, 0.9), combined=0.9)
    return read(radiologist, review, decision="agree", findings="Patchy opacities in both lower zones.").report


def signed(report: Report, by: User) -> Report:
    return sign_report(by=by, report=report, password=PASSWORD)


def test_one_page_holds_the_words_then_the_signature_then_the_classifiers(
    pages: Callable[..., list[str]], preliminary: Report, radiologist: User
) -> None:
    (page,) = pages(signed(preliminary, radiologist))
    order = [
        "North Clinic",
        "Final report",
        "Findings",
        "Impression",
        "Signed electronically",
        "Verify at",
        "Classifiers (",
    ]
    places = [page.index(words) for words in order]
    assert places == sorted(places) and "Page 1 of 1" in page


def test_the_signature_never_stands_alone_on_a_page(
    pages: Callable[..., list[str]], preliminary: Report, radiologist: User
) -> None:
    Report.objects.update(findings=LONG * 2)
    preliminary.refresh_from_db()
    printed = pages(signed(preliminary, radiologist))
    with_signature = next(page for page in printed if "Signed electronically" in page)
    assert len(printed) > 1 and "Category" in with_signature
    assert [f"Page {number} of {len(printed)}" in page for number, page in enumerate(printed, 1)] == [True] * len(
        printed
    )


def test_the_first_page_says_that_an_addendum_follows(
    pages: Callable[..., list[str]], preliminary: Report, radiologist: User
) -> None:
    Report.objects.update(findings=LONG * 3)
    preliminary.refresh_from_db()
    final = signed(preliminary, radiologist)
    add_addendum(by=radiologist, report=final, text="The side was left.", password=PASSWORD)
    first, *rest = pages(Report.objects.get())
    assert "Final report, with an addendum" in first and "Amended: addendum 1 of" in first
    assert "The side was left." not in first and "The side was left." in "".join(rest)


def test_the_letterhead_is_the_clinics_and_so_are_the_times(
    pages: Callable[..., list[str]], preliminary: Report, radiologist: User, clinic: Clinic
) -> None:
    Letterhead.objects.create(clinic=clinic, address="4 Harbour Road\nTelephone 555 0100", logo=logo())
    Clinic.objects.update(time_zone="Asia/Kathmandu")
    (page,) = pages(signed(Report.objects.get(), radiologist))
    assert "4 Harbour Road" in page and "Telephone 555 0100" in page
    assert "+0545" in page and "UTC" not in page


def test_a_result_for_research_is_printed_with_the_words_that_say_so(
    pages: Callable[..., list[str]], preliminary: Report
) -> None:
    (page,) = pages(preliminary)
    assert "For research only" not in page
    said = EnsemblePrediction.objects.get()
    EnsemblePrediction.objects.update(operating_point={**said.operating_point, "research_only": True})
    (page,) = pages(preliminary)
    assert page.index("Classifiers (") < page.index("For research only") < page.index("Probability")


def test_every_key_image_is_printed_with_its_measurements(pages: Callable[..., list[str]], preliminary: Report) -> None:
    measured = Picture(xray_png(), "Key image 1: Slice 7", ("length 12.3 mm", "angle 4.0°"))
    others = [Picture(xray_png(), f"Key image {number}: Slice {number}") for number in range(2, 6)]
    printed = "".join(pages(preliminary, measured, Picture(None, "Key image 6: Slice 6"), *others))
    assert "Key image 1: Slice 7: (1) length 12.3 mm; (2) angle 4.0°" in printed
    assert printed.count("Key image 1: Slice 7") == 2  # below the picture at the head, too
    assert all(printed.count(f"Key image {number}: Slice {number}") == 1 for number in range(2, 7))
    assert printed.count("The picture could not be drawn.") == 1
    assert "Key images" not in "".join(pages(preliminary))


def test_names_that_run_from_the_right_are_drawn_whole_and_in_order() -> None:
    markup = marked_up("Patient כהן, שרה (F)", font=REGULAR, size=10, colour="#000000", width=300)
    assert markup.startswith("Patient <img ") and markup.endswith("/> (F)") and markup.count("<img") == 1
    assert not cannot_print("محمد عبد الله", font=REGULAR) and not cannot_print("Łukasz Дмитриев", font=REGULAR)


def test_markup_in_a_name_is_only_letters() -> None:
    assert marked_up("<b>A & B</b>\nC", font=REGULAR, size=9, colour="#000000", width=300) == (
        "&lt;b&gt;A &amp; B&lt;/b&gt;<br/>C"
    )


def test_letters_without_a_font_are_said_to_be_missing(
    pages: Callable[..., list[str]], preliminary: Report, patient: Patient
) -> None:
    # Linear B, which no font of a clinic's server holds.
    patient.family_name = "\U00010000\U00010001"
    patient.save()
    assert "cannot be printed here" in pages(Report.objects.get())[0]


def logo(size: tuple[int, int] = (900, 300)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, "#225588").save(file, "PNG")
    return file.getvalue()


def test_a_logo_is_drawn_anew_and_small() -> None:
    with Image.open(BytesIO(read_logo(BytesIO(logo()), 1000))) as kept:
        assert kept.size == (600, 200) and kept.format == "PNG"


@pytest.mark.parametrize(
    ("data", "size", "code"),
    [(b"<svg/>", 6, "no_picture"), (logo((4001, 10)), 1000, "too_large"), (logo(), 3 * 1024 * 1024, "too_large")],
)
def test_what_is_no_small_picture_is_refused_as_a_logo(data: bytes, size: int, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read_logo(BytesIO(data), size)
    assert refused.value.code == code
