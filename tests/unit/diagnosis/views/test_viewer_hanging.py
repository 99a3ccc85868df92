"""What a viewer is told of a study: its series, what opens first, and which maps belong to which image."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.actions.scan import upload_scan
from diagnosis.analyses.aggregation import BETWEEN
from diagnosis.models import Analysis, ImageResult, Patient, ReadingPreference, Scan, Study
from diagnosis.views.viewer_sets import entry
from tests.factories import finish_study
from tests.images import ct_dicom, xray_dicom
from tests.unit.diagnosis.views.conftest import As

LATERAL = {"ViewPosition": "LL", "PatientOrientation": ["A", "F"]}
SCOUT = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
Put = Callable[[bytes], Scan]


@pytest.fixture
def client(as_: As, radiologist: User) -> Client:
    return as_(radiologist)


@pytest.fixture
def put(radiographer: User, patient: Patient) -> Put:
    return lambda data: upload_scan(by=radiographer, patient=patient, data=data, name="a").scan


def ct(number: int, **header: Any) -> bytes:
    return ct_dicom(seed=number, instance_number=number, **header)


def told(client: Client, scan: Scan) -> dict[str, Any]:
    return dict(client.get(reverse("diagnosis:scan-viewer", args=[scan.pk])).json())


def stands_for_its_study(scan: Scan) -> Scan:
    Study.objects.filter(pk=scan.study_id).update(representative=scan)
    return Scan.objects.get(pk=scan.pk)


# --- X-rays ------------------------------------------------------------------------------------------------
def test_the_frontal_opens_with_the_lateral_beside_it_whichever_came_first(client: Client, put: Put) -> None:
    lateral = put(xray_dicom(overrides=LATERAL))
    ap = put(xray_dicom(seed=2, instance_number=2, overrides={"ViewPosition": "AP"}))
    pa = put(xray_dicom(seed=1, instance_number=3))
    found = told(client, Scan.objects.get(represented_study=pa.study_id))
    assert (found["scan"]["id"], found["beside"]["id"]) == (str(pa.pk), str(lateral.pk))
    assert [one["opens"]["id"] for one in found["sets"]] == [str(one.pk) for one in (pa, ap, lateral)]
    assert [one["title"] for one in found["sets"]] == ["Frontal, PA", "Frontal, AP", "Lateral, LL"]
    assert [one["note"] for one in found["sets"]] == ["", "", "Not classified: lateral view"]
    assert found["sets"][2]["why"].startswith("Not classified: this is a lateral view")


def test_an_image_that_was_asked_for_by_name_opens_alone(client: Client, put: Put) -> None:
    put(xray_dicom())
    lateral = put(xray_dicom(seed=1, instance_number=2, overrides=LATERAL))
    found = told(client, lateral)
    assert (found["scan"]["id"], found["about"], "beside" in found) == (str(lateral.pk), str(lateral.pk), False)
    assert len(found["sets"]) == 2


def test_a_study_of_laterals_alone_opens_with_the_one_that_stands_for_it(client: Client, put: Put) -> None:
    lateral = put(xray_dicom(overrides=LATERAL))
    found = told(client, lateral)
    assert (found["scan"]["id"], "beside" in found) == (str(lateral.pk), False)


# --- CT ----------------------------------------------------------------------------------------------------
def test_ct_opens_at_the_middle_of_the_largest_axial_series(client: Client, put: Put) -> None:
    first = put(ct(1, overrides={"SeriesInstanceUID": "1.2.1"}))
    scouts = [put(ct(90 + n, overrides={**SCOUT, "SeriesInstanceUID": "1.2.2"})) for n in range(6)]
    slices = [put(ct(n, overrides={"SeriesInstanceUID": "1.2.3"})) for n in range(10, 15)]
    found = told(client, stands_for_its_study(first))
    assert (found["scan"]["id"], found["about"]) == (str(slices[2].pk), str(first.pk))
    assert [one["title"] for one in found["sets"]] == ["Axial slices", "Scout", "Axial slices"]
    assert [one["count"] for one in found["sets"]] == ["", "6 images", "5 images"]
    assert [one["note"] for one in found["sets"]] == ["", "Not classified: scout", ""]
    assert found["sets"][1]["opens"]["id"] in {str(one.pk) for one in scouts}


def test_of_two_slices_in_the_middle_it_takes_the_one_that_stands_for_the_study(client: Client, put: Put) -> None:
    slices = [put(ct(n)) for n in range(1, 5)]
    for one, opens in ((slices[1], slices[1]), (slices[2], slices[2]), (slices[0], slices[2])):
        assert told(client, stands_for_its_study(one))["scan"]["id"] == str(opens.pk)


def test_a_scout_among_the_slices_of_a_series_is_none_of_them(client: Client, put: Put) -> None:
    scout, *slices = [put(ct(1, overrides=SCOUT)), *[put(ct(n)) for n in (2, 3)]]
    assert scout.series_id == slices[0].series_id
    of_slice = client.get(reverse("diagnosis:scan-slices", args=[slices[0].pk])).json()["slices"]
    assert [one["id"] for one in of_slice] == [str(one.pk) for one in slices]
    of_scout = client.get(reverse("diagnosis:scan-slices", args=[scout.pk])).json()["slices"]
    assert [one["id"] for one in of_scout] == [str(scout.pk)]


def test_each_slice_is_told_as_if_it_were_alone(client: Client, put: Put) -> None:
    put(ct(1))
    later = put(ct(2))
    Scan.objects.filter(pk=later.pk).update(
        acquired_at=dt.datetime(2024, 1, 3, tzinfo=dt.UTC), not_classified_code="not_classified"
    )
    listed = client.get(reverse("diagnosis:scan-slices", args=[later.pk])).json()["slices"]
    assert listed == [json.loads(json.dumps(entry(Scan.objects.get(pk=one["id"])))) for one in listed]
    assert len({one["note"] for one in listed}) == len(listed) == 2
    # The date is the examination's: slices of one do not differ by the minute in which each was made.
    assert len({one["title"] for one in listed}) == 1


def test_slices_go_from_head_to_foot_where_all_say_where_they_lie(client: Client, put: Put) -> None:
    def at(number: int, millimetres: float) -> Scan:
        return put(ct(number, overrides={"ImagePositionPatient": [0, 0, millimetres]}))

    feet, head, middle = at(1, -50), at(2, 30), at(3, 0)

    def order() -> list[str]:
        listed = client.get(reverse("diagnosis:scan-slices", args=[feet.pk])).json()["slices"]
        return [one["id"] for one in listed]

    assert order() == [str(one.pk) for one in (head, middle, feet)]
    Scan.objects.filter(pk=middle.pk).update(slice_position=None)
    assert order() == [str(one.pk) for one in (feet, head, middle)]


# --- what the classifiers said -----------------------------------------------------------------------------
def test_maps_come_under_the_image_that_they_are_of(client: Client, put: Put) -> None:
    pa, ap = put(xray_dicom()), put(xray_dicom(seed=1, instance_number=2, overrides={"ViewPosition": "AP"}))
    finish_study({pa: 0.2, ap: 0.8})
    maps = told(client, pa)["attention"]
    assert {key: len(found) for key, found in maps.items()} == {str(pa.pk): 0, str(ap.pk): 1}


def test_key_images_are_told_with_the_scores_and_hidden_with_them(client: Client, put: Put, radiologist: User) -> None:
    slices = [put(ct(n)) for n in range(1, 4)]
    analysis = finish_study(dict(zip(slices, (0.1, 0.2, 0.9), strict=True)))
    address = reverse("diagnosis:scan-slice-scores", args=[slices[0].pk])
    assert client.get(address).json()["key_images"] == [str(slices[2].pk)]
    named = [str(slices[0].pk), str(slices[2].pk)]
    Analysis.objects.filter(pk=analysis.pk).update(aggregation={"key_images": named})
    assert client.get(address).json()["key_images"] == named
    ReadingPreference.objects.create(user=radiologist, read_first=True)
    assert client.get(address).json() == {"scores": {}, "key_images": [], "unasked": []}


def test_slices_that_were_left_to_a_neighbour_are_told_and_have_no_older_score(
    client: Client, put: Put, radiologist: User
) -> None:
    slices = [put(ct(n)) for n in range(1, 4)]
    earlier = finish_study(dict.fromkeys(slices, 0.2))
    address = reverse("diagnosis:scan-slice-scores", args=[slices[0].pk])
    assert client.get(address).json()["unasked"] == []
    later = rerun_analysis(by=radiologist, study=earlier.study)
    ImageResult.objects.create(
        analysis=later,
        image=slices[1],
        not_classified_code=BETWEEN.code,
        not_classified_params=dict(BETWEEN.params),
    )
    told = client.get(address).json()
    assert told["unasked"] == [str(slices[1].pk)]
    assert set(told["scores"]) == {str(slices[0].pk), str(slices[2].pk)}
    ReadingPreference.objects.create(user=radiologist, read_first=True)
    assert client.get(address).json()["unasked"] == []


def test_the_scores_are_those_of_all_series_of_the_study(client: Client, put: Put) -> None:
    slices = [put(ct(n, overrides={"SeriesInstanceUID": f"1.2.{n}"})) for n in (1, 2)]
    finish_study(dict(zip(slices, (0.1, 0.9), strict=True)))
    found = client.get(reverse("diagnosis:scan-slice-scores", args=[slices[0].pk])).json()["scores"]
    assert set(found) == {str(one.pk) for one in slices}


def test_an_earlier_study_says_where_its_series_are_listed(client: Client, put: Put) -> None:
    earlier = put(xray_dicom(acquired_at=dt.datetime(2023, 5, 1)))  # noqa: DTZ001
    later = put(xray_dicom(seed=1, acquired_at=dt.datetime(2024, 5, 1)))  # noqa: DTZ001
    (prior,) = told(client, later)["prior"]
    assert prior["viewer"] == reverse("diagnosis:scan-viewer", args=[earlier.pk])
    assert [one["opens"]["id"] for one in client.get(prior["viewer"]).json()["sets"]] == [str(earlier.pk)]
