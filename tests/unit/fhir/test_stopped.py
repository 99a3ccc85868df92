"""A classifier that was stopped is marked: itself, what it gave before, and the reports whose readers were shown it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Clinic, User
from diagnosis.actions.classifiers import decide_on_classifier
from diagnosis.actions.report import sign_report
from diagnosis.analyses import classifiers
from diagnosis.exports.patient import export_patient
from diagnosis.models import Scan
from diagnosis.models.classifier_rule import ClassifierState as State
from tests.conftest import PASSWORD
from tests.factories import finish, read
from tests.fhir_validator import faults
from tests.unit.ml.specs import spec

pytestmark = pytest.mark.django_db
STOPPED = "classifier-stopped"


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is stopped, in the version that answered."""
    names = ("classifier-0", "classifier-1")
    found = tuple(spec(name=name, version="1.2.3", weights_sha256="0" * 64) for name in names)
    monkeypatch.setattr(classifiers, "installed_specs", lambda: found)
    monkeypatch.setattr(classifiers, "ensembles", lambda: ())


def test_what_a_stopped_classifier_gave_says_so_and_so_does_it_itself(
    scan: Scan, clinic: Clinic, radiologist: User, administrator: User, stranger: User
) -> None:
    analysis = finish(scan, 0.9, 0.8, combined=0.85)
    report = read(radiologist, scan.reviews.get(), decision="agree", category="typical").report
    report = sign_report(by=radiologist, report=report, password=PASSWORD)
    single = {one.classifier: str(one.pk) for one in analysis.predictions.all()}
    client = Client()
    client.force_login(radiologist)

    def told(address: str) -> dict[str, Any]:
        found: dict[str, Any] = client.get(f"/fhir/{address}").json()
        return found

    marked = [f"Observation/{single['classifier-0']}", f"Observation/{analysis.ensemble_prediction.pk}"]
    marked.append(f"DiagnosticReport/{report.pk}")
    before = {one: told(one)["meta"] for one in marked}
    assert STOPPED not in str(before)
    [device] = told("Device?device-name=classifier-0")["entry"]
    assert device["resource"]["status"] == "active"

    decide_on_classifier(by=administrator, clinic=clinic, subject="classifier-0", state=State.STOPPED, reason="Wrong.")
    sent = [told(one) for one in marked]
    for address, one in zip(marked, sent, strict=True):
        assert STOPPED in str(one["meta"]["tag"])
        assert "classifier-0 1.2.3 was stopped" in str(one)
        assert "Wrong." in str(one)
        assert one["meta"]["versionId"] != before[address]["versionId"]
        assert one["meta"]["lastUpdated"] > before[address]["lastUpdated"]
    assert "was stopped" not in sent[2]["conclusion"], "the signed words stay"
    other = told(f"Observation/{single['classifier-1']}")
    assert STOPPED not in str(other)
    [device] = told("Device?device-name=classifier-0")["entry"]
    assert device["resource"]["status"] == "inactive"
    assert "Wrong." in device["resource"]["statusReason"][0]["text"]
    assert not faults([*sent, other, device["resource"]])
    # It is this clinic's decision.
    client.force_login(stranger)
    [device] = told("Device?device-name=classifier-0")["entry"]
    assert device["resource"]["status"] == "active"
    with export_patient(scan.patient, by=radiologist, address_of=lambda _report: "") as file:
        from zipfile import ZipFile

        assert ZipFile(file).read("fhir-bundle.json").count(STOPPED.encode()) == 3


def test_one_that_is_switched_off_is_inactive_and_its_results_stand(
    scan: Scan, clinic: Clinic, radiologist: User, administrator: User
) -> None:
    analysis = finish(scan, 0.9)
    client = Client()
    client.force_login(radiologist)
    decide_on_classifier(by=administrator, clinic=clinic, subject="classifier-0", state=State.OFF, reason="Not now.")
    [device] = client.get("/fhir/Device?device-name=classifier-0").json()["entry"]
    assert device["resource"]["status"] == "inactive"
    assert "statusReason" not in device["resource"]
    assert STOPPED not in client.get(f"/fhir/Observation/{analysis.predictions.get().pk}").content.decode()
