"""DECODER_ISOLATION=require on a host that cannot contain an attacker: nothing is decoded, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from diagnosis.actions.scan import upload_scan
from diagnosis.analyses import runner
from diagnosis.models import Patient, Scan
from diagnosis.models.scan import Modality
from diagnosis.scans import intake
from ml.imaging.sandbox import Isolation, Sandbox
from tests.images import xray_png


@pytest.mark.django_db
def test_uploads_pictures_and_analyses_say_so_and_work_again_later(
    client: Client, patient: Patient, radiographer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = upload_scan(by=radiographer, patient=patient, data=xray_png(1), name="a.png", modality=Modality.CXR).scan
    analysis = scan.analyses.get()
    client.force_login(radiographer)
    with monkeypatch.context() as without_seccomp:
        strict = Sandbox(seconds=60, isolation=Isolation.REQUIRE, layers=[])
        without_seccomp.setattr(intake, "sandbox", lambda: strict)
        files = {"files": SimpleUploadedFile("b.png", xray_png(2)), "modality": "cxr"}
        answer = client.post(f"/patients/{patient.pk}/scans/", files, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (503, "intake_unavailable")
        assert "cannot open image files right now" in answer.json()["sentence"]
        assert client.get(reverse("diagnosis:scan-image", args=[scan.pk])).status_code == 503
        runner.run(analysis.pk, worker="test")
    analysis.refresh_from_db()
    assert (analysis.failure_code, analysis.failure_retryable) == ("decoder_unavailable", True)
    assert list(Scan.objects.all()) == [scan]
    assert Path(scan.original.path).read_bytes() == xray_png(1)
    assert client.get(reverse("diagnosis:scan-image", args=[scan.pk])).status_code == 200
