"""Pages that speak of a study: its images, what was said of each, and what came later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from diagnosis import formats
from diagnosis.actions.report import sign_report
from diagnosis.actions.review import claim_review
from diagnosis.actions.scan import upload_scan
from diagnosis.analyses.aggregation import BETWEEN, note_of_thinning
from diagnosis.models import (
    Analysis,
    ImageResult,
    Patient,
    Prediction,
    ReadingPolicy,
    ReadingPreference,
    Report,
    Review,
    Scan,
    Series,
    Study,
)
from tests.conftest import PASSWORD
from tests.factories import finish_study, read, refuse
from tests.images import ct_dicom, xray_dicom
from tests.pages import queries, text
from tests.unit.diagnosis.views.conftest import As

Taken = Callable[..., Scan]
PROBABILITIES = (0.8642, 0.1357)


@pytest.fixture
def client(as_: As, clinician: User) -> Client:
    return as_(clinician)


@pytest.fixture
def taken(patient: Patient, radiographer: User) -> Taken:
    """`taken("PA")`: one more view of the patient's X-ray study; `taken(number=3)`: one more slice of the CT study."""

    def make(view: str = "", number: int = 0, *, day: int = 1) -> Scan:
        header: dict[str, Any] = {"acquired_at": datetime(2024, 3, day, 9, 30, tzinfo=UTC)}
        if number:
            data = ct_dicom(instance_number=number, **header)
        else:
            data = xray_dicom(overrides={"ViewPosition": view}, instance_number=len(view) + ord(view[0]), **header)
        return upload_scan(by=radiographer, patient=patient, data=data, name=f"{view}{number}.dcm").scan

    return make


def study_url(study: Study) -> str:
    return reverse("diagnosis:study-detail", args=[study.pk])


def test_a_study_lists_its_images_and_why_one_is_not_classified(client: Client, taken: Taken) -> None:
    frontal, lateral = taken("PA"), taken("LL")
    assert frontal.study == lateral.study
    finish_study({frontal: PROBABILITIES[0]})
    shown = text(client.get(study_url(frontal.study)))
    assert "2 images: PA, lateral" in shown
    assert "Not classified: this is a lateral view" in shown
    assert f'COVID-19 pattern: <strong class="nowrap">{formats.percent(PROBABILITIES[0])}</strong>' in shown
    assert "One image of this examination was classified" in shown
    for image in (frontal, lateral):
        assert reverse("diagnosis:scan-thumbnail", args=[image.pk]) in shown


def test_the_page_of_an_image_is_that_of_its_study_with_this_image(client: Client, taken: Taken) -> None:
    frontal, lateral = taken("PA"), taken("LL")
    finish_study({frontal: PROBABILITIES[0]})
    for address in (
        reverse("diagnosis:scan-detail", args=[lateral.pk]),
        f"{study_url(frontal.study)}?image={lateral.pk}",
    ):
        shown = client.get(address)
        assert (shown.context["picture"], shown.context["mapped"]) == (lateral, None)
        assert shown.context["analysis"].study == frontal.study
        assert "The attention maps are of another image of this study." in text(shown)
        assert f'<link rel="canonical" href="{study_url(frontal.study)}">' in text(shown)
    whole = client.get(study_url(frontal.study))
    assert (whole.context["picture"], whole.context["mapped"].prediction.image) == (frontal, frontal)


def test_a_study_shows_no_image_of_another(client: Client, taken: Taken) -> None:
    here, there = taken("PA"), taken("PA", day=2)
    assert client.get(f"{study_url(here.study)}?image={there.pk}").status_code == 404
    assert client.get(f"{study_url(here.study)}?image=nonsense").status_code == 200


def test_several_frontal_images_say_how_they_became_one_result(client: Client, taken: Taken) -> None:
    first, second = taken("PA"), taken("AP")
    analysis = finish_study(dict(zip((first, second), PROBABILITIES, strict=True)))
    Analysis.objects.update(aggregation={"method": "frontal-pool"})
    shown = client.get(study_url(first.study))
    assert "The probabilities of the 2 frontal images are pooled" in text(shown)
    (series,) = shown.context["contents"].series
    assert [line.image for line in series.lines if line.is_key] == [first] == [analysis.predictions.get().image]
    assert all(formats.percent(one) in text(shown) for one in PROBABILITIES)


def test_a_long_series_shows_a_few_slices_and_leads_to_all(
    client: Client, as_: As, radiologist: User, taken: Taken
) -> None:
    slices = [taken(number=number) for number in range(1, 13)]
    finish_study({one: 0.9 if number == 2 else 0.1 for number, one in enumerate(slices)})
    Analysis.objects.update(aggregation={"method": "lung-top-third"})
    shown = client.get(study_url(slices[0].study))
    (series,) = shown.context["contents"].series
    names = [line.name for line in series.lines]
    assert names == [f"Slice {number}" for number in (1, 3, 4, 7, 9, 12)]
    assert [line.name for line in series.lines if line.is_key] == ["Slice 3"]
    assert "Open all 12 images in the viewer" in text(shown)
    assert "over 12 slices" in text(shown)
    ReadingPreference.objects.create(user=radiologist, read_first=True)
    (series,) = as_(radiologist).get(study_url(slices[0].study)).context["contents"].series
    assert [line.name for line in series.lines] == [f"Slice {number}" for number in (1, 4, 7, 9, 12)]


def test_the_thumbnails_of_a_thinned_series_are_of_slices_that_were_asked_about(client: Client, taken: Taken) -> None:
    slices = [taken(number=number) for number in range(1, 31)]
    asked = slices[2::5]
    analysis = finish_study(dict.fromkeys(asked, 0.2))
    reason = {"not_classified_code": BETWEEN.code, "not_classified_params": dict(BETWEEN.params)}
    left = [ImageResult(analysis=analysis, image=one, **reason) for one in slices if one not in asked]
    ImageResult.objects.bulk_create(left)
    note = note_of_thinning(len(asked), len(slices))
    Analysis.objects.update(aggregation={"method": "lung-top-third", "images": 6, "notes": [note]})
    shown = client.get(study_url(slices[0].study))
    (series,) = shown.context["contents"].series
    assert shown.context["scan"] not in asked  # the middle one, which stands for the study in lists
    assert {line.image.pk for line in series.lines} <= {one.pk for one in asked}
    assert series.count == 30
    assert "one slice in every 5 mm was classified: 6 of 30." in text(shown)
    assert "came in after" not in text(shown)
    neighbour = client.get(f"{study_url(slices[0].study)}?image={slices[3].pk}")
    assert "Not asked: another slice within 5 mm of it was" in text(neighbour)
    assert "Draw the attention maps" not in text(neighbour)


def test_what_the_result_rests_on_and_what_it_leaves_out_is_said(client: Client, taken: Taken) -> None:
    slices = [taken(number=number) for number in range(1, 13)]
    finish_study(dict.fromkeys(slices, 0.2))
    account = {
        "method": "lung-top-third",
        "images": 11,
        "key_images": [str(slices[1].pk), str(slices[4].pk)],
        "left_out": [{"image": str(slices[0].pk), "code": "aggregation", "params": {"variant": "lungs_not_found"}}],
        "notes": [{"code": "aggregation", "params": {"variant": "slice_bounds"}}],
    }
    Analysis.objects.update(aggregation=account)
    shown = client.get(study_url(slices[0].study))
    (series,) = shown.context["contents"].series
    assert {"Slice 2", "Slice 5"} <= {line.name for line in series.lines if line.is_key}
    assert "over 11 slices" in text(shown)
    assert "The bounds of the zones were chosen for single slices." in text(shown)
    assert "no lungs were found in this slice with confidence" in text(shown)


def test_a_result_for_research_only_is_not_told_image_by_image(client: Client, taken: Taken) -> None:
    slices = [taken(number=number) for number in range(1, 4)]
    finish_study(dict.fromkeys(slices, 0.2))
    page = study_url(slices[0].study)
    for prediction in Prediction.objects.all():
        prediction.operating_point["research_only"] = True
        prediction.save()
    Analysis.objects.update(aggregation={"method": "lung-top-third", "key_images": [str(slices[1].pk)]})
    answer = client.get(page)
    folded = answer.context["contents"]
    assert answer.content.decode().count("learnt from single slices") == 1  # why it is folded, and not once more inside
    ReadingPolicy.objects.create(clinic=slices[0].clinic, show_research_only=True)
    told = client.get(page).context["contents"]
    for contents, expected in ((folded, False), (told, True)):
        lines = contents.series[0].lines
        assert len(lines) == 3
        assert any(line.probability for line in lines) is any(line.is_key for line in lines) is expected


def test_of_several_series_it_is_said_which_one_speaks(client: Client, taken: Taken) -> None:
    slices = [taken(number=number) for number in range(1, 4)]
    other = Series.objects.create(study=slices[0].study, description="MEDIASTINUM 5.0")
    Scan.objects.filter(pk=slices[2].pk).update(series=other)
    finish_study(dict.fromkeys(slices[:2], 0.2))
    said = {"code": "aggregation", "params": {"variant": "thin_slices"}}
    account = {
        "method": "lung-top-third",
        "series": {**said, "series": str(slices[0].series_id)},
        "other_series": [{"code": "aggregation", "params": {"variant": "thicker"}, "series": str(other.pk)}],
    }
    Analysis.objects.update(aggregation=account)
    shown = text(client.get(study_url(slices[0].study)))
    assert "Chosen for its thin slices." in shown
    assert "Not used: the slices of this series are thicker" in shown
    assert "MEDIASTINUM 5.0" in shown


def test_images_that_came_after_the_analysis_are_said(client: Client, taken: Taken) -> None:
    frontal = taken("PA")
    finish_study({frontal: PROBABILITIES[0]})
    late = taken("AP")
    analysis = Analysis.objects.get(status="succeeded")
    Analysis.objects.exclude(pk=analysis.pk).delete()
    shown = text(client.get(study_url(frontal.study)))
    assert "1 image came in after this analysis and has no part in its result." in shown
    assert "Not part of this result: it came later." in shown
    assert late.study == frontal.study


def test_an_unclassified_image_that_comes_later_is_no_gap_in_the_result(client: Client, taken: Taken) -> None:
    frontal = taken("PA")
    finish_study({frontal: PROBABILITIES[0]})
    taken("LL")
    assert "came in after this analysis" not in text(client.get(study_url(frontal.study)))


def test_a_result_of_before_studies_says_that_it_is_of_one_image(client: Client, taken: Taken) -> None:
    frontal = taken("PA")
    finish_study({frontal: PROBABILITIES[0]})
    taken("AP")
    Analysis.objects.filter(status="succeeded").update(image=frontal)
    Analysis.objects.exclude(status="succeeded").delete()
    shown = text(client.get(study_url(frontal.study)))
    assert "This result is of this image alone" in shown
    assert "came in after this analysis" not in shown


def test_who_reads_first_sees_neither_numbers_nor_the_key_image(
    as_: As, clinician: User, radiologist: User, taken: Taken
) -> None:
    first, second = taken("PA"), taken("AP")
    finish_study({first: PROBABILITIES[1], second: PROBABILITIES[0]})
    Analysis.objects.update(aggregation={"method": "frontal-pool"})
    ReadingPreference.objects.create(user=radiologist, read_first=True)
    blind, seeing = as_(radiologist), as_(clinician)
    page = study_url(first.study)
    told = [*map(formats.percent, PROBABILITIES), "Key image", "are pooled", "Attention map"]
    addresses = [page, f"{page}result/", f"{page}?image={second.pk}"]
    addresses += [reverse(f"diagnosis:scan-{name}", args=[second.pk]) for name in ("detail", "result")]
    for address in addresses:
        assert all(words in text(seeing.get(address)) for words in told[:4]), address
        assert not any(words in text(blind.get(address)) for words in told), address
    assert seeing.get(page).context["picture"] == second
    assert blind.get(page).context["picture"] == first.study.representative == first


def test_an_earlier_analysis_is_not_replaced_while_it_is_read(client: Client, taken: Taken) -> None:
    frontal = taken("PA")
    earlier = finish_study({frontal: PROBABILITIES[0]})
    taken("AP")
    assert "data-poll" not in text(client.get(reverse("diagnosis:analysis-detail", args=[earlier.pk])))
    assert "data-poll" in text(client.get(study_url(frontal.study)))


def test_an_image_after_the_signature_is_said_on_study_and_report(
    client: Client, as_: As, radiologist: User, taken: Taken
) -> None:
    frontal = taken("PA")
    report = read(radiologist, frontal.study.reviews.get()).report
    sign_report(by=radiologist, report=report, password=PASSWORD)
    report_page = reverse("diagnosis:report-detail", args=[report.pk])
    said = "1 image was added after this report was signed; the report does not speak of it."
    assert said not in text(client.get(report_page))
    taken("LL")
    for address in (report_page, study_url(frontal.study)):
        assert f"{said} The study waits to be read again." in text(client.get(address))
    assert "1 image: PA" in text(client.get(report_page))
    patient_page = reverse("diagnosis:patient-detail", args=[frontal.patient_id])
    assert "Images came after this report" in text(client.get(patient_page))
    row = as_(radiologist).get(reverse("diagnosis:queue"))
    assert "images came after the reading" in text(row)
    assert "2 images" in text(row)


def test_a_report_lists_the_images_that_it_rests_on(client: Client, radiologist: User, taken: Taken) -> None:
    frontal = taken("PA")
    taken("LL")
    report = read(radiologist, frontal.study.reviews.get()).report
    page = reverse("diagnosis:report-detail", args=[report.pk])
    assert "2 images: PA, lateral" in text(client.get(page))
    sign_report(by=radiologist, report=report, password=PASSWORD)
    report.refresh_from_db()
    report.study.series.first().images.update(view_position="", role="")
    assert "2 images: PA, lateral" in text(client.get(page)), "of the snapshot"
    pdf = client.get(reverse("diagnosis:report-pdf", args=[report.pk]))
    assert pdf.content.startswith(b"%PDF")


def test_the_reader_is_told_what_the_reading_covers_and_what_came_meanwhile(
    as_: As, radiologist: User, taken: Taken
) -> None:
    frontal = taken("PA")
    review = claim_review(by=radiologist, review=frontal.study.reviews.get())
    page = reverse("diagnosis:review", args=[review.pk])
    reader = as_(radiologist)
    assert "after you took this case" not in text(reader.get(page))
    taken("LL")
    shown = text(reader.get(page))
    assert "2 images: PA, lateral" in shown
    assert "1 image came in after you took this case." in shown


def test_the_reader_is_told_in_one_sentence_why_there_is_no_result(as_: As, radiologist: User, taken: Taken) -> None:
    frontal = taken("PA")
    refuse(frontal)
    review = claim_review(by=radiologist, review=frontal.study.reviews.get())
    shown = text(as_(radiologist).get(reverse("diagnosis:review", args=[review.pk])))
    assert "turn it upright and upload it again." in shown
    assert "upload it again.." not in shown


def test_a_reopened_study_says_when_it_was_read(as_: As, clinician: User, radiologist: User, taken: Taken) -> None:
    frontal = taken("PA")
    read(radiologist, frontal.study.reviews.get())
    taken("LL")
    again = claim_review(by=radiologist, review=Review.objects.get(status="waiting"))
    shown = text(as_(radiologist).get(reverse("diagnosis:review", args=[again.pk])))
    assert "This study was read before" in shown
    assert "1 image came in since." in shown
    report_page = reverse("diagnosis:report-detail", args=[frontal.study.reports.get().pk])
    assert report_page in shown
    ReadingPreference.objects.create(user=radiologist, read_first=True)
    Review.objects.filter(status="decided").update(reader=clinician)
    Report.objects.update(written_by=clinician)
    assert report_page not in text(as_(radiologist).get(reverse("diagnosis:review", args=[again.pk])))


def test_earlier_studies_are_earlier_by_their_own_date(client: Client, taken: Taken) -> None:
    """An old film that is uploaded today was not made today."""
    newer, older = taken("PA", day=9), taken("PA", day=3)
    beside = client.get(study_url(newer.study)).context["earlier_scans"]
    assert [row.scan for row in beside] == [older]
    assert not client.get(study_url(older.study)).context["earlier_scans"]
    timeline = client.get(reverse("diagnosis:patient-detail", args=[newer.patient_id])).context["rows"]
    assert [row.scan for row in timeline] == [newer, older]


@pytest.mark.parametrize("address", ["/scans/", "/desk/", "/notifications/", "/patients/{patient}/"])
def test_lists_have_one_row_for_a_study_and_count_its_images(
    client: Client, as_: As, radiographer: User, taken: Taken, address: str
) -> None:
    slices = [taken(number=number) for number in range(1, 4)]
    finish_study(dict.fromkeys(slices, 0.2))
    reader = as_(radiographer) if "notifications" in address else client
    shown = text(reader.get(address.format(patient=slices[0].patient_id)))
    assert shown.count("3 images") == 1
    assert "Chest CT" in shown


def test_pages_of_a_study_cost_the_same_for_few_and_for_many_images(
    as_: As, client: Client, radiologist: User, taken: Taken
) -> None:
    slices = [taken(number=number) for number in range(1, 3)]
    finish_study(dict.fromkeys(slices, 0.2))
    review = claim_review(by=radiologist, review=slices[0].study.reviews.get())
    reading = reverse("diagnosis:review", args=[review.pk])
    pages = [(client, study_url(slices[0].study)), (client, "/scans/"), (as_(radiologist), reading)]
    few = [queries(who, page) for who, page in pages]
    for number in range(3, 9):
        taken(number=number)
    assert Prediction.objects.count() == 1
    Analysis.objects.filter(status="queued").delete()
    many = [queries(who, page) for who, page in pages]
    assert all(later <= first for later, first in zip(many, few, strict=True)), (few, many)
