"""Everything about one patient in one file: whole, checked by hashes, and only for who may and proves it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import AuditEvent
from diagnosis.actions.correction import merge_patients, move_scans
from diagnosis.actions.deletion import confirm_deletion, request_deletion
from diagnosis.actions.report import sign_report
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.withdrawal import take_back
from diagnosis.exports.patient import export_patient
from diagnosis.models import Patient, RetentionRule, Scan, Study
from diagnosis.models.deletion import DeletionKind
from diagnosis.rules import deletions
from tests.conftest import PASSWORD
from tests.factories import finish, new_patient, read
from tests.fhir_validator import faults
from tests.images import xray_dicom

pytestmark = pytest.mark.django_db
NAMED = {"StudyDescription": "Chest", "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1"}
# What R4 has at least once, by the path from the resource.
REQUIRED = {
    "Bundle": ("type",),
    "Patient": (),
    "ImagingStudy": ("status", "subject", "series.uid", "series.modality"),
    "DiagnosticReport": ("status", "code"),
    "Observation": ("status", "code"),
    "Device": ("version.value",),
}
STATUSES = {
    "ImagingStudy": {"registered", "available", "cancelled", "entered-in-error", "unknown"},
    "DiagnosticReport": {"preliminary", "final", "amended", "corrected", "appended", "entered-in-error"},
    "Observation": {"preliminary", "final", "amended", "corrected", "entered-in-error"},
}
REFERENCES = ("subject", "imagingStudy", "result", "derivedFrom", "device", "hasMember")
UID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def walk(value: Any, path: str) -> Iterator[Any]:
    """What is at `path` in a resource, through lists; None where it is missing."""
    first, _, rest = path.partition(".")
    found = value.get(first)
    for one in found if isinstance(found, list) else [found]:
        yield from walk(one, rest) if rest and one is not None else [one]


def assert_valid(bundle: dict[str, Any]) -> None:
    resources = [bundle, *(entry["resource"] for entry in bundle["entry"])]
    addresses = {entry["fullUrl"] for entry in bundle["entry"]}
    assert len(addresses) == len(bundle["entry"])
    for one in resources:
        kind = one["resourceType"]
        for path in REQUIRED[kind]:
            assert all(found is not None for found in walk(one, path)), (kind, path)
        assert kind not in STATUSES or one["status"] in STATUSES[kind]
        targets = [found for name in REFERENCES if name in one for found in walk(one, f"{name}.reference")]
        assert set(targets) <= addresses
    studies = [one for one in resources if one["resourceType"] == "ImagingStudy"]
    assert all(UID.fullmatch(series["uid"]) for study in studies for series in study["series"])


def test_all_of_one_patient_is_in_the_file(
    patient: Patient, radiographer: User, radiologist: User, administrator: User, upload: Callable[..., Scan]
) -> None:
    data = xray_dicom(seed=1, overrides=NAMED)
    scan = upload_scan(by=radiographer, patient=patient, data=data, name="a.dcm").scan
    finish(scan, 0.9, 0.8, combined=0.8)
    effusion = [{"finding": "effusion", "presence": "present", "side": "left", "code": None}]
    report = read(radiologist, scan.reviews.get(), decision="agree", category="typical", coded_findings=effusion).report
    report = sign_report(by=radiologist, report=report, password=PASSWORD)
    lost, gone = upload(2), upload(3)
    Path(lost.original.path).unlink()
    take_back(by=radiographer, study=gone.study)
    other = upload(4, of=new_patient(patient.clinic, radiographer, "OTHER"))
    address = reverse("diagnosis:patient-export", args=[patient.pk])
    colleague, client = signed_in(radiologist), signed_in(administrator)
    assert colleague.get(address).status_code == 403
    assert colleague.post(address, {"password": PASSWORD}).status_code == 403
    for password in ("", "a wrong one"):
        refused = client.post(address, {"password": password})
        assert refused.status_code >= 400
        assert not refused.streaming
    answer = client.post(address, {"password": PASSWORD})
    assert answer.status_code == 200
    assert patient.family_name not in answer["Content-Disposition"]
    entry = AuditEvent.objects.filter(event="110106").get()
    assert (entry.patient, entry.person, entry.action) == (patient.pk, administrator.pk, "R")
    with ZipFile(BytesIO(answer.getvalue())) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop("manifest.json"))["files"]
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == {
        name: one["sha256"] for name, one in manifest.items()
    }
    stored = json.loads(files["data.json"])
    assert stored["patient"]["medical_record_number"] == patient.medical_record_number
    by_key = {one["id"]: one for one in stored["studies"]}
    assert set(by_key) == {str(scan.study_id), str(lost.study_id)}
    whole = by_key[str(scan.study_id)]
    assert files[whole["images"][0]["file"]] == data
    assert whole["analyses"][0]["predictions"][0]["probability"] == pytest.approx(0.9)
    assert whole["reports"][0]["impression"] == report.impression
    assert files[whole["reports"][0]["file"]].startswith(b"%PDF")
    seals = json.loads(files[whole["reports"][0]["file"].replace(".pdf", "-seals.json")])
    assert seals["is_sealed"]
    assert seals["seals"][0]["content_sha256"] == report.content_sha256
    assert by_key[str(lost.study_id)]["unreadable_files"] == [by_key[str(lost.study_id)]["images"][0]["file"]]
    everything = b"".join(files.values())
    assert str(gone.pk).encode() not in everything
    assert str(other.pk).encode() not in everything
    index = files["index.html"].decode()
    assert all(f'href="{name}"' in index for name in files if name.endswith((".dcm", ".pdf")))
    assert "cannot be read" in index
    bundle = json.loads(files["fhir-bundle.json"])
    assert_valid(bundle)
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert kinds.count("ImagingStudy") == 2
    assert kinds.count("Device") == 3
    assert not faults([bundle])
    assert (kinds[0], kinds.count("DiagnosticReport"), kinds.count("Observation")) == ("Patient", 1, 4)
    # Nothing of it is left on the disk.
    assert list(Path(settings.PRIVATE_ROOT, "exports").iterdir()) == []


def exported(patient: Patient, by: User) -> dict[str, bytes]:
    file = export_patient(patient, by=by, address_of=lambda report: report.verification_code)
    with file, ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_file_that_breaks_off_is_named_and_the_rest_is_whole(
    patient: Patient, administrator: User, upload: Callable[..., Scan]
) -> None:
    whole, broken = upload(1), upload(2)
    path = Path(broken.original.path)
    path.unlink()
    path.symlink_to("/proc/self/mem")  # which can be opened and not be read
    files = exported(patient, administrator)
    studies = {one["id"]: one for one in json.loads(files["data.json"])["studies"]}
    image = studies[str(broken.study_id)]["images"][0]["file"]
    assert studies[str(broken.study_id)]["unreadable_files"] == [image]
    assert image not in files
    assert studies[str(whole.study_id)]["images"][0]["file"] in files


def test_nothing_of_another_patient_leaves_and_reports_outlive_their_studies(
    patient: Patient, radiographer: User, radiologist: User, member: Callable[..., User], upload: Callable[..., Scan]
) -> None:
    one, two = member("administrator"), member("administrator")
    other, double = (new_patient(patient.clinic, radiographer, name) for name in ("OTHER", "DOUBLE"))
    scans = [upload(1, of=other), upload(2, of=double), upload(3)]
    for scan in scans:
        finish(scan, 0.9)
        written = read(radiologist, scan.reviews.get(), decision="agree", category="typical").report
        sign_report(by=radiologist, report=written, password=PASSWORD)
    move_scans(by=one, source=other, scans=[scans[0].pk], target=patient, reason="Of another person.")
    merge_patients(by=one, source=double, target=patient, reason="The same person.")
    RetentionRule.objects.create(clinic=patient.clinic, years=10)
    examined = dt.datetime(2010, 5, 1, tzinfo=dt.UTC)
    Study.objects.update(examined_at=examined)
    asked = request_deletion(by=one, study=scans[2].study, kind=DeletionKind.RETENTION, reason="Old.")
    confirm_deletion(by=two, deletion=asked, seen=deletions.contents(scans[2].study))
    files = exported(patient, one)
    stored = json.loads(files["data.json"])
    moved, merged = (next(row for row in stored["studies"] if row["id"] == str(scan.study_id)) for scan in scans[:2])
    assert (moved["reports"], moved["reports_of_other_patients"]) == ([], 1)
    assert len(merged["reports"]) == 1  # another record of the same person
    assert "1 report was signed under another" in files["index.html"].decode()
    assert not [name for name, content in files.items() if b"OTHER" in content]
    (kept,) = stored["kept_reports"]
    assert kept["snapshot"]["patient"]["medical_record_number"] == patient.medical_record_number
    assert files[kept["file"]].startswith(b"%PDF")
    assert f'href="{kept["file"]}"' in files["index.html"].decode()
