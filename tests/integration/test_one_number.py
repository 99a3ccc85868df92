"""A result's probability, zone, thresholds and weights are the same wherever they are told."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.test import Client

from accounts.models import User
from delivery.dicom.result import groups_of
from diagnosis import formats
from diagnosis.actions.report import sign_report
from diagnosis.exports.patient import export_patient
from diagnosis.interchange.fhir.results import ZONES, thresholds_sha256
from diagnosis.models import Analysis, Patient, Scan
from diagnosis.models.zone import Zone
from tests.conftest import PASSWORD
from tests.factories import finish, read

pytestmark = pytest.mark.django_db
# One in each zone, so that none is left to chance.
ZONED = ((0.01, 0.43), (0.4322, 0.69), (0.7001, 0.99))
# Of each that answered: probability, zone, the thresholds' SHA-256, the weights' SHA-256 (an ensemble has none).
Told = dict[str, tuple[float, str, str, str]]


def test_one_number_everywhere(
    patient: Patient, upload: Callable[..., Scan], radiologist: User, administrator: User, tmp_path: Path
) -> None:
    chance, client, everything = random.Random(20261127), Client(), {}
    client.force_login(administrator)
    for number, (low, high) in enumerate(ZONED):
        probability, scan = chance.uniform(low, high), upload(number)
        analysis = finish(scan, chance.random(), chance.random(), combined=probability)
        stored = _stored(analysis)
        everything |= {f"{analysis.pk} {name}": told for name, told in stored.items()}
        assert (len(stored), stored["panel-cxr"][0]) == (3, probability)
        assert _by_api(client, analysis) == stored
        assert _by_fhir(client, analysis) == stored
        assert _by_sr(analysis) == stored
        said = formats.percent(probability).replace(formats.NBSP, " ")
        report = read(radiologist, scan.reviews.get(), decision="agree", category="indeterminate").report
        sign_report(by=radiologist, report=report, password=PASSWORD)
        page = client.get(f"/studies/{scan.study_id}/").content.decode()
        assert said in page.replace(formats.NBSP, " ").replace("&nbsp;", " ")
        assert said in _paper(client, str(report.pk), tmp_path)
    assert _by_export(patient, administrator) == everything


def _stored(analysis: Analysis) -> Told:
    rows = list(analysis.predictions.all())
    found: Told = {
        one.classifier: (one.probability, one.stance.value, thresholds_sha256(one.operating_point), one.weights_sha256)
        for one in rows
    }
    whole = analysis.ensemble
    assert whole is not None
    return found | {whole.ensemble: (whole.probability, whole.zone, thresholds_sha256(whole.operating_point), "")}


def _by_api(client: Client, analysis: Analysis) -> Told:
    told = client.get(f"/api/v1/analyses/{analysis.pk}/").json()
    # The API rounds nothing, and tells the thresholds themselves.
    points = {one.classifier: one.operating_point for one in analysis.predictions.all()}
    assert analysis.ensemble is not None
    points[analysis.ensemble.ensemble] = analysis.ensemble.operating_point
    found: Told = {}
    for one in (told["ensemble_prediction"], *told["predictions"]):
        name = one.get("ensemble") or one["classifier"]
        assert one["operating_point"]["threshold"] == points[name]["threshold"]
        zone = one["zone"] or ("positive" if one["at_or_above_threshold"] else "negative")
        found[name] = (one["probability"], zone, thresholds_sha256(points[name]), one.get("weights_sha256", ""))
    return found


def _by_fhir(client: Client, analysis: Analysis) -> Told:
    address = f"/fhir/Observation?derived-from={analysis.study_id}&_include=Observation:device"
    resources = [one["resource"] for one in client.get(address).json()["entry"]]
    devices = {f"Device/{one['id']}": one for one in resources if one["resourceType"] == "Device"}
    zones = {code: zone.value for zone, (code, _display) in ZONES.items()}
    found: Told = {}
    for one in resources:
        if one["resourceType"] == "Observation":
            device = devices[one["device"]["reference"]]
            weights = [each["value"] for each in device["version"] if "SHA-256" in each["type"]["text"]]
            zone = zones[one["interpretation"][0]["coding"][0]["code"]]
            [thresholds] = {each["text"].rpartition(" ")[2] for each in one["referenceRange"]}
            value = one["valueQuantity"]["value"]
            found[device["deviceName"][0]["name"]] = (value, zone, thresholds, "".join(weights))
    return found


def _by_sr(analysis: Analysis) -> Told:
    """The concept of the report in DICOM; its parameters end with the thresholds."""
    found: Told = {}
    for one in groups_of(analysis):
        ends = {text.rpartition(" ")[0]: text.rpartition(" ")[2] for text in one.parameters}
        value = one.probabilities[one.point["positive_label"]]
        weights = ends.get("weights SHA-256", "")
        found[one.name] = (value, Zone(one.zone).value, ends["thresholds SHA-256"], weights)
    return found


def _by_export(patient: Patient, by: User) -> Told:
    with export_patient(patient, by=by, address_of=str) as file, ZipFile(file) as archive:
        data = json.loads(archive.read("data.json"))
    found: Told = {}
    for analysis in (one for study in data["studies"] for one in study["analyses"]):
        for one in (analysis["ensemble_prediction"], *analysis["predictions"]):
            name = one.get("ensemble") or one["classifier"]
            zone = one["zone"] or ("positive" if one["at_or_above_threshold"] else "negative")
            thresholds = thresholds_sha256(one["operating_point"])
            told = (one["probability"], zone, thresholds, one.get("weights_sha256", ""))
            found[f"{analysis['id']} {name}"] = told
    return found


def _paper(client: Client, report: str, folder: Path) -> str:
    path = folder / "report.pdf"
    path.write_bytes(client.get(f"/reports/{report}/report.pdf").content)
    told = subprocess.run(["pdftotext", path, "-"], check=True, capture_output=True, text=True).stdout
    return " ".join(told.split())
