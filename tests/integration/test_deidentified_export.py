"""Studies leave without names: nothing of a person in any byte, and a manifest that training reads."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pydicom
import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.models import User
from audit.models import AuditEvent
from diagnosis.actions.legal_hold import set_hold
from diagnosis.actions.report import sign_report
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.withdrawal import take_back
from diagnosis.exports import choice
from diagnosis.models import Patient, Scan
from diagnosis.models.modality import Modality as Kind
from ml.imaging.deidentification import METHODS
from ml.spec import Modality
from ml.training.data.manifest import read_rows
from ml.training.data.split import by_group
from tests.conftest import PASSWORD
from tests.factories import finish, new_patient, read
from tests.images import xray_dicom, xray_jpeg

pytestmark = pytest.mark.django_db
PURPOSE, REASON = "nodules-2026", "For the thesis of Plantedcandidate"
NAMES = ("Plantedfamily", "Plantedgiven", "MRN-PLANTED-1", "PLANTEDACC", "Plantedward", "Plantedreporter")


@pytest.fixture
def named(patient: Patient) -> Patient:
    patient.family_name, patient.given_name, patient.medical_record_number = NAMES[:3]
    patient.save()
    return patient


@pytest.fixture
def browser(administrator: User) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


def ask(browser: Client, *images: Scan, **fields: Any) -> Any:
    told = {"study": [str(image.study_id) for image in images], **fields}
    return browser.post(reverse("diagnosis:oversight-deidentified"), told)


def export(browser: Client, *images: Scan, allow: tuple[Scan, ...] = (), purpose: str = PURPOSE) -> dict[str, bytes]:
    ticked = [str(image.pk) for image in allow]
    answer = ask(browser, *images, purpose=purpose, reason=REASON, password=PASSWORD, image=ticked)
    assert answer.status_code == 200, answer.content
    with ZipFile(BytesIO(answer.getvalue())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows_of(files: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(files["manifest.csv"].decode())))


def everything(files: dict[str, bytes]) -> bytes:
    """Names of the files, their bytes, and what lies compressed in them."""
    pixels = [np.asarray(Image.open(BytesIO(data))).tobytes() for name, data in files.items() if name.endswith("png")]
    return b"\n".join([*(name.encode() for name in files), *files.values(), *pixels])


def test_nothing_of_the_person_leaves_and_training_reads_what_does(
    named: Patient, radiographer: User, radiologist: User, administrator: User, browser: Client, tmp_path: Path
) -> None:
    header = {"AccessionNumber": NAMES[3], "StudyDescription": NAMES[4], "BurnedInAnnotation": "NO"}
    name, number = f"{NAMES[0]}^{NAMES[1]}", named.medical_record_number

    def uploaded(data: bytes, file: str) -> Scan:
        name = f"{NAMES[0]}-{file}"
        return upload_scan(by=radiographer, patient=named, data=data, name=name, modality=Kind.CXR).scan

    scan = uploaded(xray_dicom(seed=1, patient_name=name, patient_id=number, overrides=header), "a.dcm")
    out = BytesIO()
    Image.open(BytesIO(xray_jpeg(2))).save(out, "JPEG", quality=95, comment=NAMES[0])
    photograph = uploaded(out.getvalue(), "b.jpg")
    finish(scan, 0.2, 0.1, combined=0.1)
    report = read(radiologist, scan.reviews.get(), decision="agree", category="negative", impression=NAMES[5]).report
    sign_report(by=radiologist, report=report, password=PASSWORD)
    checked = ask(browser, scan, photograph)
    assert "looks like a line of letters" in checked.content.decode()
    assert not checked.streaming
    # Both phantoms have a word drawn into them: nothing of them leaves until somebody has looked.
    bare = export(browser, scan, photograph)
    assert set(bare) == {"manifest.csv", "dataset.json", "README.txt", "manifest.json"}
    assert set(json.loads(bare["dataset.json"])["left_out"].values()) == {"text"}

    files = export(browser, scan, photograph, allow=(scan, photograph))
    assert not [
        one for one in (*NAMES, str(scan.pk), str(named.pk)) if one.encode().lower() in everything(files).lower()
    ]
    labelled, other = sorted(rows_of(files), key=lambda row: row["dicom"], reverse=True)
    assert (labelled["label"], labelled["protocol"], labelled["decision"]) == ("normal", "train", "agree")
    assert (other["label"], other["protocol"], other["dicom"]) == ("", "", "")
    assert labelled["group"] == other["group"]
    assert labelled["text_suspected"] == "text"
    for row in (labelled, other):
        assert hashlib.sha256(files[row["path"]]).hexdigest() == row["sha256"]
    new, old = pydicom.dcmread(BytesIO(files[labelled["dicom"]])), pydicom.dcmread(scan.original.path)
    np.testing.assert_array_equal(new.pixel_array, old.pixel_array)
    assert (str(new.PatientName), new.PatientIdentityRemoved) == (labelled["patient"], "NO")
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == list(METHODS)
    assert json.loads(files["dataset.json"])["version"] == hashlib.sha256(files["manifest.csv"]).hexdigest()[:16]

    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert [row.path for row in read_rows(tmp_path, Modality.CXR)] == [labelled["path"]]
    assert sum(map(len, by_group(tmp_path, Modality.CXR).values())) == 1

    # The same in every export of a project; another in another.
    again = rows_of(export(browser, scan, allow=(scan,)))
    elsewhere = rows_of(export(browser, scan, allow=(scan,), purpose="another"))
    for column in ("path", "patient", "study", "image"):
        assert again[0][column] == labelled[column] != elsewhere[0][column]
    entry = AuditEvent.objects.filter(event="110106").first()
    assert entry
    assert (entry.patients, entry.person) == (named.pk.hex, administrator.pk)
    assert {"purpose": PURPOSE, "reason": REASON}.items() <= entry.detail.items()


def test_only_who_may_with_a_reason_and_a_proof(
    upload: Callable[..., Scan], browser: Client, radiologist: User, administrator: User, other_clinic: Any
) -> None:
    scan, colleague = upload(1), Client()
    colleague.force_login(radiologist)
    whole = {"purpose": PURPOSE, "reason": REASON, "password": PASSWORD}
    assert ask(colleague, scan, **whole).status_code == 403
    for change in ({"reason": ""}, {"purpose": "Mrs Smith"}, {"password": ""}, {"password": "wrong"}):
        refused: HttpResponse = ask(browser, scan, **{**whole, **change})
        assert refused.status_code >= 400, change
        assert not refused.streaming


def test_what_must_stay_is_left_out(
    patient: Patient, radiographer: User, administrator: User, upload: Callable[..., Scan], browser: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    kept, gone = upload(1), upload(2)
    lost = upload(3)
    Path(lost.original.path).unlink()
    held = upload(4, of=new_patient(patient.clinic, radiographer, "HELD"))
    take_back(by=radiographer, study=gone.study)
    set_hold(by=administrator, patient=held.patient, reason="A lawsuit.")
    images = (kept, gone, held, lost)
    files = export(browser, *images, allow=images)
    assert len(rows_of(files)) == 1
    assert list(json.loads(files["dataset.json"])["left_out"].values()) == ["unreadable"]
    # What the portal knows of the person is looked for in what a decoder has made.
    monkeypatch.setattr("diagnosis.exports.deidentified._words_of", lambda *_: [b"DICM"])
    dicom = upload_scan(by=radiographer, patient=patient, data=xray_dicom(seed=9), name="d.dcm").scan
    assert set(json.loads(export(browser, dicom, allow=(dicom,))["dataset.json"])["left_out"].values()) == {"named"}
    assert ask(browser, held).status_code == 400
    monkeypatch.setattr(choice, "MOST_IMAGES", 1)
    assert "Choose fewer" in ask(browser, kept, lost).content.decode()
