"""Which earlier studies are offered for comparison, in which order, and when probabilities make a trend."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from pydicom.uid import generate_uid

from accounts.models import User
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Patient, Prediction, ReadingPolicy, Scan, Study
from diagnosis.patients.prior import MOST, previous_studies, prior_studies
from diagnosis.patients.trend import HEIGHT, _with_room, trends
from tests.factories import ABNORMALITY, finish
from tests.images import ct_dicom

pytestmark = pytest.mark.django_db


def taken(scan: Scan, year: int) -> Scan:
    Study.objects.filter(pk=scan.study.pk).update(examined_at=dt.datetime(year, 5, 1, tzinfo=dt.UTC))
    return Scan.objects.get(pk=scan.pk)


def test_the_latest_earlier_study_comes_first(upload: Callable[..., Scan]) -> None:
    years = [2019, 2023, 2021]
    made = {year: taken(upload(seed), year) for seed, year in enumerate(years)}
    now = taken(upload(9), 2024)
    assert prior_studies(now) == [made[year] for year in sorted(years, reverse=True)]


def test_of_many_earlier_studies_the_oldest_are_left_out(upload: Callable[..., Scan]) -> None:
    made = [taken(upload(seed), 2010 + seed) for seed in range(MOST + 1)]
    now = taken(upload(99), 2024)
    assert prior_studies(now) == made[:0:-1]


def test_each_study_is_compared_with_the_one_before_it_of_its_modality(
    upload: Callable[..., Scan], patient: Patient, radiographer: User
) -> None:
    first, third = taken(upload(1), 2019), taken(upload(2), 2023)
    together = [taken(upload(seed), 2024) for seed in (3, 4)]
    taken(upload_scan(by=radiographer, patient=patient, data=ct_dicom(), name="ct.dcm").scan, 2021)
    found = previous_studies(patient)
    assert found == {third.pk: first.pk} | dict.fromkeys((one.pk for one in together), third.pk)


def test_one_result_is_no_trend_and_two_are(upload: Callable[..., Scan], patient: Patient, clinician: User) -> None:
    finish(taken(upload(1), 2022), 0.2)
    assert trends(patient, clinician) == []
    finish(taken(upload(2), 2023), 0.8)
    ((chart,),) = [trend.charts for trend in trends(patient, clinician)]
    (line,) = chart.lines
    assert [(point.answer.probability, point.mark) for point in line.points] == [(0.2, "below"), (0.8, "above")]
    assert ([one.bottom for one in line.spans], chart.is_zoned) == ([pytest.approx(HEIGHT * (1 - 0.4321))], False)


def test_an_examination_of_unknown_date_is_counted_where_it_is_drawn(
    upload: Callable[..., Scan], patient: Patient, clinician: User
) -> None:
    finish(taken(upload(1), 2022), 0.2)
    finish(upload(2), 0.8)
    Study.objects.filter(examined_at__year__gt=2022).update(examined_at=None)
    assert [trend.undated for trend in trends(patient, clinician)] == [1]
    taken(Scan.objects.order_by("-uploaded_at")[0], 2023)
    assert [trend.undated for trend in trends(patient, clinician)] == [0]


def test_the_more_trustworthy_question_is_drawn_first_with_its_own_thresholds(
    upload: Callable[..., Scan], patient: Patient, clinician: User
) -> None:
    """It was not asked at the first examination: its line begins where the other one has its second point."""
    finish(taken(upload(1), 2020), 0.5, 0.5, combined=0.5)
    for year, combined in ((2022, 0.1), (2023, 0.5)):
        finish(taken(upload(year), year), 0.5, 0.5, combined=combined, abnormality=ABNORMALITY)
    ((lung, covid),) = [trend.charts for trend in trends(patient, clinician)]
    assert (lung.question, covid.question) == ("Abnormal lung", "COVID-19 pattern")
    assert [(one.lower, one.upper) for line in (*lung.lines, *covid.lines) for one in line.spans] == [
        (0.2, 0.6),
        (0.4321, 0.7),
    ]
    assert [point.mark for point in covid.lines[0].points] == ["between", "below", "between"]
    assert [point.x for point in lung.lines[0].points] == [point.x for point in covid.lines[0].points[1:]]


def test_modalities_are_drawn_apart_and_research_only_where_the_clinic_wants_it(
    upload: Callable[..., Scan], patient: Patient, radiographer: User, clinician: User
) -> None:
    for year in (2022, 2023):
        finish(taken(upload(year), year), 0.2)
        data = ct_dicom(seed=year, overrides={"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()})
        ct = upload_scan(by=radiographer, patient=patient, data=data, name="ct.dcm").scan
        analysis = finish(taken(ct, year), 0.7)
        Prediction.objects.filter(analysis=analysis).update(probabilities={"covid": 0.7, "non-covid": 0.3})
    assert [trend.modality for trend in trends(patient, clinician)] == ["Chest X-ray"]
    ReadingPolicy.objects.update_or_create(clinic=patient.clinic, defaults={"show_research_only": True})
    shown = trends(patient, clinician)
    assert [(trend.modality, trend.research_only) for trend in shown] == [("Chest X-ray", False), ("Chest CT", True)]
    assert all(len(chart.lines[0].points) == 2 for trend in shown for chart in trend.charts)


@pytest.mark.parametrize(
    ("places", "labelled"),
    [([0, 200, 400], [400, 0, 200]), ([0, 5, 395, 400], [400, 0]), ([350, 400], [400]), ([0, 60, 300], [300, 0])],
)
def test_dates_below_the_chart_never_overlap(places: list[float], labelled: list[float]) -> None:
    assert _with_room(places) == labelled
