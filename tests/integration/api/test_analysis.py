from __future__ import annotations

import uuid
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from accounts.models import User
from diagnosis.analyses import classifiers, runner
from diagnosis.messages import Message
from diagnosis.models import Analysis, EnsemblePrediction, Scan
from diagnosis.results import intended_use
from tests.factories import ABNORMALITY, POINT, ZONED, finish
from tests.integration.api.conftest import Api

ANALYSES = "/api/v1/analyses/"


@pytest.fixture
def analysed(scan: Scan) -> Analysis:
    """A finished analysis, by the real classifiers."""
    analysis = scan.analyses.get()
    runner.run(analysis.pk, worker="test")
    analysis.refresh_from_db()
    return analysis


def test_an_open_analysis_says_when_to_ask_again(scan: Scan, radiographer: User, api: Api) -> None:
    answer = api(radiographer).get(f"{ANALYSES}{scan.analyses.get().pk}/")
    assert answer.json()["status"] == "queued"
    assert answer.json()["predictions"] == []
    assert answer.json()["failure"] is None
    assert int(answer["Retry-After"]) >= 1


def test_a_result_tells_all_that_explains_it(analysed: Analysis, radiographer: User, api: Api) -> None:
    answer = api(radiographer).get(f"{ANALYSES}{analysed.pk}/")
    assert "Retry-After" not in answer
    body = answer.json()
    assert body["status"] == "succeeded"
    assert body["seconds"] > 0
    assert body["intended_use"] == {"sentence": intended_use.SENTENCE, "version": intended_use.VERSION}
    specs = {spec.name: spec for spec in classifiers.active_specs() if spec.modality == "cxr"}
    assert {each["classifier"] for each in body["predictions"]} == set(specs)
    for each in body["predictions"]:
        spec = specs[each["classifier"]]
        assert each["version"] == spec.version
        assert each["weights_sha256"] == spec.weights_sha256
        assert each["preprocessing"] == spec.preprocessing
        assert sum(each["probabilities"].values()) == pytest.approx(1)
        assert set(each["probabilities"]) == set(spec.labels)
        assert each["operating_point"]["threshold"] == spec.operating_point.threshold
        assert each["operating_point"]["sensitivity"]["value"] == spec.operating_point.sensitivity.value
        assert each["milliseconds"] > 0


def test_a_combination_comes_with_its_zone_its_members_and_what_wants_an_eye(
    scan: Scan, radiographer: User, api: Api
) -> None:
    analysis = finish(scan, 0.1, 0.9, combined=0.5)
    body = api(radiographer).get(f"{ANALYSES}{analysis.pk}/").json()
    combination = body["ensemble_prediction"]
    assert (combination["ensemble"], combination["zone"], combination["probability"]) == (
        "panel-cxr",
        "indeterminate",
        0.5,
    )
    assert combination["members"] == ["classifier-0/1.2.3", "classifier-1/1.2.3"]
    assert combination["operating_point"]["positive_from"] == ZONED["positive_from"]
    assert body["marks"] == ["disagreement", "indeterminate"]
    assert body["verdict"].startswith("Computer: COVID-19 pattern: between the two thresholds")
    assert [each["attention_outside"] for each in body["predictions"]] == [None, None]


def test_what_was_stored_of_attention_outside_the_lungs_stays_readable(
    scan: Scan, radiographer: User, api: Api
) -> None:
    analysis = finish(scan, 0.1, 0.9, combined=0.5)
    analysis.predictions.update(attention_outside=0.6)  # as rows were then
    body = api(radiographer).get(f"{ANALYSES}{analysis.pk}/").json()
    assert [each["attention_outside"] for each in body["predictions"]] == [0.6, 0.6]
    assert "attention_outside" not in body["marks"]


_RATE = {"value": 0.7, "low": 0.6, "high": 0.8}
_RATES = {"sensitivity": _RATE, "specificity": _RATE}
NEW_PLACES = {"elsewhere": {**_RATES, "positive_zone": _RATES, "abnormal": 20, "normal": 30}}


@pytest.mark.parametrize("places", [{}, {"domains": ["one-hospital"]}, {"new_places": NEW_PLACES}])
def test_a_combination_says_whether_the_lung_is_abnormal(
    scan: Scan, radiographer: User, api: Api, places: dict[str, Any]
) -> None:
    analysis = finish(scan, 0.1, 0.9, combined=0.5, abnormality=ABNORMALITY | places)
    said = api(radiographer).get(f"{ANALYSES}{analysis.pk}/").json()["ensemble_prediction"]["abnormality"]
    # The positive zone alone is what this ensemble was not measured for.
    point = ABNORMALITY | {"positive_zone": None, "domains": [], "new_places": {}, "site": None} | places
    assert said == {"probability": pytest.approx(0.5), "zone": "indeterminate", "operating_point": point}


def test_a_combination_from_before_the_question_answers_it_with_nothing(
    scan: Scan, radiographer: User, api: Api
) -> None:
    analysis = finish(scan, 0.1, 0.9, combined=0.5)
    EnsemblePrediction.objects.update(operating_point=ZONED)  # as rows were then
    said = api(radiographer).get(f"{ANALYSES}{analysis.pk}/").json()["ensemble_prediction"]
    assert said["abnormality"] is None
    point = said["operating_point"]
    assert (point["sources"], point["answers"], point["research_only"]) == ({}, {}, False)


def test_a_result_from_before_there_were_zones_stays_explained(scan: Scan, radiographer: User, api: Api) -> None:
    analysis = finish(scan, 0.9, 0.8, without=(Message("member_switched_off", {"name": "vgg19-cxr"}),))
    analysis.predictions.update(zone="", operating_point=POINT)  # as rows were then
    body = api(radiographer).get(f"{ANALYSES}{analysis.pk}/").json()
    assert (body["ensemble_prediction"], body["without_ensemble"]) == (None, "vgg19-cxr is switched off.")
    for each in body["predictions"]:
        assert (each["zone"], each["attention_outside"], each["operating_point"]["positive_from"]) == ("", None, None)


def test_the_panels_that_lie_here_are_listed(radiographer: User, api: Api) -> None:
    listed = api(radiographer).get("/api/v1/ensembles/").json()["results"]
    assert [panel["name"] for panel in listed] == [panel.name for panel in classifiers.ensembles()]


def test_every_payload_with_a_result_says_what_it_is_not(analysed: Analysis, radiographer: User, api: Api) -> None:
    client, scan = api(radiographer), analysed.scan
    addresses = [
        f"{ANALYSES}{analysed.pk}/",
        f"/api/v1/scans/{scan.pk}/",
        "/api/v1/scans/",
        f"/api/v1/patients/{scan.patient_id}/history/",
        "/api/v1/images/",
        f"/api/v1/images/{scan.pk}/",
        f"{ANALYSES}{analysed.pk}/images/",
    ]
    for address in addresses:
        text = client.get(address).content.decode()
        assert "probabilities" in text, address
        assert intended_use.SENTENCE in text, address


def test_the_attention_map_is_a_png_for_those_who_may_see_it(
    analysed: Analysis, radiographer: User, stranger: User, api: Api
) -> None:
    address = api(radiographer).get(f"{ANALYSES}{analysed.pk}/").json()["predictions"][0]["attention"]
    answer = api(radiographer).get(address)
    assert Image.open(BytesIO(answer.content)).format == "PNG"
    assert answer["Content-Type"] == "image/png"
    assert api(stranger).get(address).status_code == 404


def test_a_failure_gives_its_reason_but_not_its_traceback(scan: Scan, radiographer: User, api: Api) -> None:
    scan.original.storage.delete(scan.original.name)
    runner.run(scan.analyses.get().pk, worker="test")
    Analysis.objects.update(failure_detail="Traceback (most recent call last)")
    answer = api(radiographer).get(f"{ANALYSES}{scan.analyses.get().pk}/")
    assert answer.json()["status"] == "failed"
    assert answer.json()["failure"]["code"] == "original_unreadable"
    assert answer.json()["failure"]["retryable"] is True
    assert answer.json()["failure"]["reason"].endswith(".")
    assert "Traceback" not in answer.content.decode()


def test_cancel_once(scan: Scan, radiographer: User, api: Api) -> None:
    client, address = api(radiographer), f"{ANALYSES}{scan.analyses.get().pk}/cancel/"
    assert client.post(address).json()["status"] == "cancelled"
    again = client.post(address)
    assert again.status_code == 409
    assert again.json()["code"] == "already_finished"


def test_another_clinics_analysis_is_not_there(analysed: Analysis, stranger: User, api: Api) -> None:
    client = api(stranger)
    assert client.get(f"{ANALYSES}{analysed.pk}/").status_code == 404
    assert client.post(f"{ANALYSES}{analysed.pk}/cancel/").status_code == 404
    assert client.get(f"{ANALYSES}{uuid.uuid4()}/").json() == client.get(f"{ANALYSES}{analysed.pk}/").json()


def test_the_classifiers_are_those_that_answer(analysed: Analysis, radiographer: User, api: Api) -> None:
    listed = api(radiographer).get("/api/v1/classifiers/").json()["results"]
    answered = {(each.classifier, each.version) for each in analysed.predictions.all()}
    assert answered == {(each["name"], each["version"]) for each in listed if each["modality"] == "cxr"}
    assert all(each["must_not_use"] and each["intended_use"] for each in listed)
