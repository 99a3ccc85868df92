"""What is to be known of a result is said wherever it is read as FHIR: on the server and in the export of a patient."""

from __future__ import annotations

import json
from zipfile import ZipFile

import pytest
from django.test import Client

from accounts.models import User
from diagnosis.analyses.aggregation import note_of_thinning
from diagnosis.exports.patient import export_patient
from diagnosis.models import Analysis, Scan
from tests.factories import finish
from tests.fhir_validator import faults

pytestmark = pytest.mark.django_db
SAID = "Of this series one slice in every 5 mm was classified: 61 of 300."


def test_each_result_says_how_many_slices_were_asked_about(scan: Scan, radiologist: User, client: Client) -> None:
    finish(scan, 0.9, 0.8, combined=0.85)
    Analysis.objects.update(aggregation={"notes": [note_of_thinning(61, 300)]})
    client.force_login(radiologist)
    read = [one["resource"] for one in client.get("/fhir/Observation").json()["entry"]]
    with export_patient(scan.patient, by=radiologist, address_of=lambda _report: "") as file:
        bundle = json.loads(ZipFile(file).read("fhir-bundle.json"))
    written = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Observation"]
    assert len(read) == len(written) == 3
    for one in (*read, *written):
        assert one["note"][-1]["text"].startswith(SAID)
    assert not faults(read)
