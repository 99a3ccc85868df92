"""Studies, series and images as programs see them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Analysis, Patient, Scan, Study
from diagnosis.results import intended_use
from diagnosis.states import AnalysisStatus
from tests.factories import finish, finish_study
from tests.images import ct_dicom, xray_dicom
from tests.integration.api.conftest import Api
from tests.pages import queries

STUDIES, IMAGES = "/api/v1/studies/", "/api/v1/images/"


def slice_of(number: int) -> bytes:
    return ct_dicom(seed=number, instance_number=number, acquired_at=dt.datetime(2024, 5, 1))  # noqa: DTZ001


@pytest.fixture
def slices(radiographer: User, patient: Patient) -> list[Scan]:
    """Of one study, in order; they came in another one."""
    made = {
        n: upload_scan(by=radiographer, patient=patient, data=slice_of(n), name="a", identity_confirmed=True).scan
        for n in (2, 3, 1)
    }
    return [made[n] for n in (1, 2, 3)]


@pytest.fixture
def study(slices: list[Scan]) -> Study:
    return slices[0].study


def keys(answer: Any) -> list[str]:
    return [each["id"] for each in answer.json()["results"]]


def test_the_links_of_an_upload_lead_to_everything_that_hangs_on_it(
    slices: list[Scan], study: Study, radiographer: User, api: Api
) -> None:
    client = api(radiographer)
    analysis = finish_study({slices[0]: 0.2, slices[1]: 0.8})
    body = client.get(f"{STUDIES}{study.pk}/").json()
    assert (body["image_count"], body["not_classified_count"], body["modality"]) == (3, 0, "ct")
    assert body["patient"] == str(slices[0].patient_id)
    assert body["study_instance_uid"] == study.study_instance_uid != ""
    assert body["analysis"]["status"] == "succeeded"
    assert client.get(body["analysis"]["links"]["self"]).json()["study"] == str(study.pk)
    assert body["report"] is None
    assert set(keys(client.get(body["links"]["images"]))) == {str(scan.pk) for scan in slices}
    assert client.get(body["links"]["patient"]).status_code == 200
    (series,) = body["series"]
    assert (series["image_count"], series["study"]) == (3, str(study.pk))
    assert set(keys(client.get(series["links"]["images"]))) == {str(scan.pk) for scan in slices}
    whole = client.get(series["links"]["self"]).json()
    assert [each["id"] for each in whole["images"]] == [str(scan.pk) for scan in slices]
    assert [each["instance_number"] for each in whole["images"]] == [1, 2, 3]
    one = client.get(whole["images"][1]["links"]["self"]).json()
    assert (one["result"]["probability"], one["result"]["analysis"]) == (0.8, str(analysis.pk))


def test_studies_come_newest_first_and_are_found_by_what_the_files_say(
    study: Study, patient: Patient, radiographer: User, upload: Callable[..., Scan], api: Api
) -> None:
    Study.objects.filter(pk=study.pk).update(accession_number="A-7")
    later = upload(seed=5).study
    client = api(radiographer)
    assert keys(client.get(STUDIES)) == [str(later.pk), str(study.pk)]
    for found in (
        {"modality": "ct"},
        {"accession_number": "A-7"},
        {"study_instance_uid": study.study_instance_uid},
        {"patient": str(patient.pk), "modality": "ct"},
    ):
        assert keys(client.get(STUDIES, found)) == [str(study.pk)], found
    for nothing in ({"accession_number": "A"}, {"study_instance_uid": "2"}, {"patient": str(uuid.uuid4())}):
        assert keys(client.get(STUDIES, nothing)) == [], nothing


def test_a_study_list_comes_in_pages(radiographer: User, upload: Callable[..., Scan], api: Api) -> None:
    made = [str(upload(seed=seed).study_id) for seed in range(3)][::-1]
    client = api(radiographer)
    first = client.get(STUDIES, {"page_size": 2})
    assert keys(first) == made[:2]
    assert keys(client.get(first.json()["next"])) == made[2:]


@pytest.mark.parametrize(
    ("address", "parameter"),
    [(STUDIES, "patient"), (STUDIES, "accession_number"), (STUDIES, "study_instance_uid"), (IMAGES, "series")],
)
def test_a_filter_without_a_value_is_refused(
    study: Study, radiographer: User, api: Api, address: str, parameter: str
) -> None:
    """Ignored, it would answer with everything."""
    answer = api(radiographer).get(address, {parameter: " "})
    assert (answer.status_code, answer.json()["code"]) == (400, "empty_parameter")
    assert parameter in answer.json()["detail"]


@pytest.mark.parametrize("asked", [{"patient": "nonsense"}, {"modality": "mri"}])
def test_a_filter_that_cannot_be_meant_is_refused(
    study: Study, radiographer: User, api: Api, asked: dict[str, str]
) -> None:
    answer = api(radiographer).get(STUDIES, asked)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_an_image_that_is_not_classified_says_why(patient: Patient, radiographer: User, api: Api) -> None:
    scan = upload_scan(by=radiographer, patient=patient, data=xray_dicom(), name="a.dcm").scan
    Scan.objects.filter(pk=scan.pk).update(not_classified_code="no_gate")
    client = api(radiographer)
    told = client.get(f"{IMAGES}{scan.pk}/").json()["not_classified"]
    assert told == {"code": "no_gate", "reason": Scan.objects.get().not_classified}
    assert told["reason"].endswith(".")
    assert client.get(f"{STUDIES}{scan.study_id}/").json()["not_classified_count"] == 1


def test_an_image_has_the_result_of_the_newest_analysis_that_saw_it(scan: Scan, radiographer: User, api: Api) -> None:
    client, address = api(radiographer), f"{IMAGES}{scan.pk}/"
    assert client.get(address).json()["result"] is None
    finish(scan, 0.25)
    from diagnosis.actions.analysis import rerun_analysis

    again = rerun_analysis(by=radiographer, study=scan.study)
    assert client.get(address).json()["result"]["probability"] == 0.25
    assert finish(scan, 0.75) == again
    result = client.get(address).json()["result"]
    assert (result["probability"], result["analysis"]) == (0.75, str(again.pk))
    assert result["probabilities"] == {"classifier-0/1.2.3": 0.75}
    assert result["intended_use"]["sentence"] == intended_use.SENTENCE


def test_an_analysis_says_how_its_images_became_one_result(slices: list[Scan], radiographer: User, api: Api) -> None:
    analysis = finish_study({slices[0]: 0.2, slices[1]: 0.8})
    client, address = api(radiographer), f"/api/v1/analyses/{analysis.pk}/"
    assert client.get(address).json()["aggregation"] is None
    account = {
        "method": "slices",
        "version": "2",
        "key_images": [str(slices[1].pk)],
        "notes": [{"code": "none_measured", "params": {}}, {"code": "of_a_later_version", "params": {}}],
    }
    Analysis.objects.filter(pk=analysis.pk).update(aggregation=account)
    body = client.get(address).json()
    told = body["aggregation"]
    assert (told["method"], told["version"], told["key_images"]) == ("slices", "2", [str(slices[1].pk)])
    assert told["notes"][0] == "None was measured for these classifiers."
    assert "of_a_later_version" in told["notes"][1]
    # Not kept for this result
    assert (told["images"], told["series"], told["at_threshold"], told["thirds"]) == (None, None, None, [])
    assert [each["image"] for each in body["predictions"]] == [str(slices[1].pk)]

    first = client.get(body["links"]["image_results"], {"page_size": 1}).json()
    second = client.get(first["next"]).json()
    assert [each["image"] for each in first["results"] + second["results"]] == [str(scan.pk) for scan in slices[:2]]
    assert [each["probability"] for each in first["results"] + second["results"]] == [0.2, 0.8]
    assert second["next"] is None


def test_an_analysis_says_which_slices_counted_and_which_did_not(
    slices: list[Scan], radiographer: User, api: Api
) -> None:
    analysis = finish_study({slices[0]: 0.2, slices[1]: 0.8})
    share = {"slices": 0.5, "lung_area": 0.25}
    third = {"level": "upper", "slices": 1, "mean": 0.8, "at_threshold": share, "clearly_positive": share}
    reason = {"code": "aggregation", "params": {"variant": "lungs_not_found"}}
    account = {
        "method": "lung-top-third",
        "version": "1",
        "key_images": [str(slices[1].pk)],
        "images": 2,
        "at_threshold": share,
        "clearly_positive": share,
        "thirds": [third],
        "left_out": [{"image": str(slices[2].pk), **reason}],
        "notes": [],
        "series": {"series": str(slices[0].series_id), **reason},
        "other_series": [],
    }
    Analysis.objects.filter(pk=analysis.pk).update(aggregation=account)
    told = api(radiographer).get(f"/api/v1/analyses/{analysis.pk}/").json()["aggregation"]
    assert (told["images"], told["at_threshold"], told["thirds"]) == (2, share, [third])
    assert told["series"]["id"] == str(slices[0].series_id) and told["left_out"][0]["id"] == str(slices[2].pk)
    assert "lungs" in told["left_out"][0]["reason"].lower()


def test_an_upload_says_where_it_was_filed(patient: Patient, radiographer: User, api: Api) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = api(radiographer)
    body = {"patient": str(patient.pk), "file": SimpleUploadedFile("a.dcm", xray_dicom())}
    told = client.post("/api/v1/scans/", body, format="multipart").json()["study"]
    assert told["id"] == str(Study.objects.get().pk)
    assert client.get(told["links"]["self"]).json()["id"] == told["id"]


def test_another_clinics_study_is_not_there(slices: list[Scan], study: Study, stranger: User, api: Api) -> None:
    analysis = finish_study({slices[0]: 0.2})
    client = api(stranger)
    for address in ("studies/{}", "series/{}", "images/{}", "analyses/{}/images"):
        key = {"studies/{}": study.pk, "series/{}": slices[0].series_id, "images/{}": slices[0].pk}.get(
            address, analysis.pk
        )
        answer = client.get(f"/api/v1/{address.format(key)}/")
        assert answer.status_code == 404, address
        assert answer.json() == client.get(f"/api/v1/{address.format(uuid.uuid4())}/").json(), address
    for listed in (STUDIES, IMAGES):
        assert keys(client.get(listed)) == []


def test_more_rows_take_no_more_queries(
    radiographer: User, patient: Patient, upload: Callable[..., Scan], api: Api
) -> None:
    client, addresses = api(radiographer), (STUDIES, IMAGES, f"/api/v1/patients/{patient.pk}/history/")
    finish(upload(seed=1), 0.9)
    client.get(STUDIES)  # notes the token's use
    few = {address: queries(client, address) for address in addresses}
    for seed in range(2, 5):
        finish(upload(seed=seed), 0.9)
    assert len(keys(client.get(STUDIES))) == 4
    assert {address: queries(client, address) for address in addresses} == few


def test_more_images_take_no_more_queries(slices: list[Scan], study: Study, radiographer: User, api: Api) -> None:
    analysis, client = finish_study(dict.fromkeys(slices, 0.5)), api(radiographer)
    addresses = (
        f"{STUDIES}{study.pk}/",
        f"/api/v1/series/{slices[0].series_id}/",
        f"/api/v1/analyses/{analysis.pk}/images/",
        f"{IMAGES}?study={study.pk}",
    )
    client.get(STUDIES)  # notes the token's use
    many = {address: queries(client, address) for address in addresses}
    analysis.image_results.exclude(image=slices[0]).delete()
    Study.objects.update(representative=slices[0])
    assert analysis.status == AnalysisStatus.SUCCEEDED
    for scan in slices[1:]:
        scan.results.all().delete()
        scan.predictions.all().delete()
        scan.delete()
    assert {address: queries(client, address) for address in addresses} == many
