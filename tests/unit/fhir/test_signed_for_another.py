"""A report that was signed for one patient, whose images were given to another: programs are told, and not given it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.actions.correction import merge_patients, move_scans, undo_correction
from diagnosis.actions.report import sign_report
from diagnosis.models import Correction, Patient, Report, Scan
from diagnosis.rules.confidentiality import open_reports
from diagnosis.rules.corrections import signed_for_others
from tests.conftest import PASSWORD
from tests.factories import new_patient, read
from tests.fhir_validator import faults

pytestmark = pytest.mark.django_db


def signed(by: User, scan: Scan, **words: Any) -> Report:
    return sign_report(by=by, report=read(by, scan.reviews.get(), **words).report, password=PASSWORD)


def move(by: User, scan: Scan, source: Patient, target: Patient) -> Correction:
    return move_scans(by=by, source=source, scans=[scan.pk], target=target, reason="The wristband was read wrong.")


def asking(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_no_program_is_given_it_and_every_program_is_told(
    patient: Patient, upload: Callable[..., Scan], radiologist: User, administrator: User
) -> None:
    scan, other = upload(1), upload(2)
    report, kept = signed(radiologist, scan, impression="A secret of the first."), signed(radiologist, other)
    right = new_patient(patient.clinic, administrator, "RIGHT")
    client = asking(radiologist)
    fhir, api = f"/fhir/DiagnosticReport/{report.pk}", f"/api/v1/reports/{report.pk}/"
    signature = f"/fhir/Provenance/{report.pk}"
    assert [client.get(one).status_code for one in (fhir, api, f"{api}report.pdf", signature)] == [200] * 4
    correction = move(administrator, scan, patient, right)
    for address in (fhir, api, f"{api}report.pdf", signature):
        answer = client.get(address)
        assert answer.status_code == 409, address
        assert "signed for another patient" in answer.content.decode()
    bundle = client.get("/fhir/DiagnosticReport").json()
    assert [one["search"]["mode"] for one in bundle["entry"]] == ["match", "outcome"]
    assert bundle["entry"][0]["resource"]["id"] == str(kept.pk)
    assert bundle["entry"][1]["resource"]["issue"][0]["code"] == "suppressed"
    assert not faults([bundle])
    assert [client.get(f"/fhir/{kind}?_count=0").json()["total"] for kind in ("DiagnosticReport", "Provenance")] == [
        1,
        1,
    ]
    listed = client.get("/api/v1/reports/").json()
    assert [one["id"] for one in listed["results"]] == [str(kept.pk)]
    assert [(one["id"], one["code"]) for one in listed["withheld"]] == [(str(report.pk), "signed_for_another")]
    readings = client.get("/api/v1/reviews/").json()
    assert [one["id"] for one in readings["results"]] == [str(kept.review_id)]
    assert [one["id"] for one in readings["withheld"]] == [str(report.review_id)]
    reading = f"/api/v1/reviews/{report.review_id}/"
    assert client.get(reading).status_code == 409
    assert client.get(f"/api/v1/reviews/{kept.review_id}/").json()["reading"]["impression"] == kept.impression
    scan.refresh_from_db()
    study = client.get(f"/api/v1/studies/{scan.study_id}/").content.decode()
    assert "A secret" not in study
    assert "signed for another patient" in study
    # Whoever must not know of the first patient is told nothing at all.
    mark_confidential(by=administrator, patient=patient)
    assert client.get(fhir).status_code == 404
    assert (client.get(api).status_code, client.get("/api/v1/reports/").json()["withheld"]) == (403, [])
    assert (client.get(reading).status_code, client.get("/api/v1/reviews/").json()["withheld"]) == (403, [])
    assert [client.get(f"/api/v1/{one}/").json()["results"] for one in ("reports", "reviews")] == [[], []]
    assert correction.pk


def test_it_is_given_again_once_it_is_its_patients(
    patient: Patient, scan: Scan, radiologist: User, administrator: User
) -> None:
    """Where the correction is undone, and where the two records turn out to be one person's."""
    report = signed(radiologist, scan)
    right = new_patient(patient.clinic, administrator, "RIGHT")
    address, client = f"/fhir/DiagnosticReport/{report.pk}", asking(radiologist)
    versions = [client.get(address)["ETag"]]
    correction = move(administrator, scan, patient, right)
    assert client.get(address).status_code == 409
    undo_correction(by=administrator, correction=correction)
    versions.append(client.get(address)["ETag"])
    assert versions[0] != versions[1]
    merge_patients(by=administrator, source=patient, target=right, reason="The same person.")
    assert client.get(address).status_code == 200


def test_a_record_number_that_is_amended_withholds_nothing(
    patient: Patient, scan: Scan, radiologist: User, administrator: User
) -> None:
    """The images came to the patient before the report was signed."""
    wrong = new_patient(patient.clinic, administrator, "WRONG")
    move(administrator, scan, patient, wrong)
    scan.refresh_from_db()
    report = signed(radiologist, scan)
    Patient.objects.filter(pk=wrong.pk).update(medical_record_number="AMENDED")
    assert asking(radiologist).get(f"/api/v1/reports/{report.pk}/").status_code == 200


def test_a_page_of_reports_takes_as_many_queries_as_two(
    patient: Patient, upload: Callable[..., Scan], radiologist: User, administrator: User
) -> None:
    right = new_patient(patient.clinic, administrator, "RIGHT")
    for number in range(6):
        scan = upload(number)
        signed(radiologist, scan)
        move(administrator, scan, patient, right)
    mark_confidential(by=administrator, patient=patient)
    reports = list(Report.objects.select_related("study").order_by("pk"))
    for rule, kept in ((lambda some: open_reports(radiologist, some), 0), (signed_for_others, None)):
        asked = []
        for some in (reports[:2], reports):
            with CaptureQueriesContext(connection) as captured:
                found = rule(some)
            asked.append(len(captured))
            assert len(found) == (len(some) if kept is None else kept)
        assert asked[0] == asked[1], [one["sql"] for one in captured]
        assert asked[0] <= 8
