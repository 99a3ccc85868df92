"""A request that is sent again is done once; one thing that a client has already is not sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import encode_multipart
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import AuditEvent
from diagnosis.actions.analysis import cancel_analysis
from diagnosis.api import idempotency
from diagnosis.api.views.schema import _described
from diagnosis.models import Analysis, Confidentiality, KeptAnswer, Patient, Scan
from diagnosis.tasks import forget_answers
from tests.images import xray_png
from tests.integration.api.conftest import Api

PATIENTS, SCANS = "/api/v1/patients/", "/api/v1/scans/"
RECORD = {"medical_record_number": "MRN-7", "family_name": "Ødegård", "given_name": "Åse", "birth_date": "1970-02-03"}


@pytest.fixture
def client(radiographer: User, api: Api) -> APIClient:
    return api(radiographer)


def _register(client: APIClient, key: str = "k1", **changed: str) -> Any:
    return client.post(PATIENTS, RECORD | changed, format="json", headers={"Idempotency-Key": key})


def test_the_same_request_again_is_done_once(client: APIClient) -> None:
    first, again = _register(client), _register(client)
    assert (again.status_code, again.json()) == (201, first.json())
    assert (again.headers["Idempotency-Replayed"], "Idempotency-Replayed" in first.headers) == ("true", False)
    assert Patient.objects.count() == 1
    entry = AuditEvent.objects.order_by("-pk")[0]
    assert (str(entry.patient), entry.action) == (first.json()["id"], "R")


def test_a_key_stands_for_one_request_of_one_token(client: APIClient, radiographer: User, api: Api) -> None:
    _register(client)
    other = _register(client, family_name="Berg")
    assert (other.status_code, other.json()["code"]) == (422, "key_of_another_request")
    assert _register(api(radiographer)).status_code == 400  # another token: it is done, and the number is taken
    assert _register(client, key="k" * 256).json()["code"] == "bad_idempotency_key"
    assert _register(client, key="").json()["code"] == "bad_idempotency_key"
    assert Patient.objects.count() == 1


def test_what_was_refused_may_be_sent_corrected(client: APIClient) -> None:
    assert _register(client, sex="x").status_code == 400
    assert not KeptAnswer.objects.exists()
    assert _register(client).status_code == 201


def test_an_upload_again_with_another_boundary(client: APIClient, patient: Patient) -> None:
    def upload(data: bytes, boundary: str) -> Any:
        file = SimpleUploadedFile("a.png", data, "image/png")
        form = encode_multipart(boundary, {"patient": str(patient.pk), "modality": "cxr", "file": file})
        kind = f"multipart/form-data; boundary={boundary}"
        return client.generic("POST", SCANS, form, kind, headers={"Idempotency-Key": "k"})

    first, again = upload(xray_png(), "one"), upload(xray_png(), "two")
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    assert upload(xray_png(seed=5), "two").status_code == 422
    assert Scan.objects.count() == 1


def test_a_request_that_died_is_done_by_the_next_one(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends after it took the key: nothing gives it back."""
    with monkeypatch.context() as killed:
        killed.setattr(idempotency, "_first", lambda _row, _post: idempotency.Response(status=201))
        _register(client)
    early = _register(client)
    assert (early.status_code, early.json()["code"], early.headers["Retry-After"]) == (409, "in_progress", "5")
    assert early.json()["retryable"] is True
    KeptAnswer.objects.update(started_at=timezone.now() - timedelta(minutes=3))
    assert _register(client).status_code == 201
    assert _register(client).headers["Idempotency-Replayed"] == "true"


def test_a_slow_first_one_does_not_answer_for_the_second(client: APIClient) -> None:
    taken = {"holder": "token 1", "key": "k", "fingerprint": "f"}
    slow, _mine = KeptAnswer.objects.take(**taken, within=timedelta(minutes=2))
    assert slow is not None
    KeptAnswer.objects.update(started_at=timezone.now() - timedelta(minutes=3))
    assert KeptAnswer.objects.take(**taken, within=timedelta(minutes=2))[1] is True
    assert KeptAnswer.objects.take(**taken, within=timedelta(minutes=2))[1] is False
    assert KeptAnswer.objects.begun_as(slow).update(status=201) == 0


def test_an_answer_is_kept_for_a_day(client: APIClient) -> None:
    _register(client)
    forget_answers()
    assert KeptAnswer.objects.update(started_at=timezone.now() - timedelta(hours=25)) == 1
    forget_answers()
    assert not KeptAnswer.objects.exists()


def test_a_record_that_was_closed_since_is_not_told_again(client: APIClient, radiographer: User) -> None:
    made = _register(client).json()
    Confidentiality.objects.create(patient_id=made["id"], marked_by=radiographer)
    assert _register(client).status_code == 404


def test_every_post_but_the_sign_in_takes_a_key() -> None:
    posts = {
        path: asked["post"].get("parameters", []) for path, asked in _described()["paths"].items() if "post" in asked
    }
    without = {path for path, named in posts.items() if "Idempotency-Key" not in [one["name"] for one in named]}
    assert without == {"/api/v1/tokens/"}


def test_a_client_that_has_it_gets_no_body_and_the_trail_an_entry(client: APIClient, scan: Scan) -> None:
    address = f"/api/v1/analyses/{scan.analyses.get().pk}/"
    tag = client.get(address).headers["ETag"]
    entries = AuditEvent.objects.count()
    same = client.get(address, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert same.headers["Retry-After"] == "1"
    assert "Content-Type" not in same.headers
    entry = AuditEvent.objects.order_by("-pk")[0]
    assert (AuditEvent.objects.count(), entry.patient, entry.action) == (entries + 1, scan.patient_id, "R")
    cancel_analysis(by=scan.uploaded_by, analysis=Analysis.objects.get())
    changed = client.get(address, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["ETag"] != tag) == (200, True)
    assert "ETag" not in client.get(SCANS).headers


def test_an_original_has_a_date_too(client: APIClient, scan: Scan) -> None:
    address = f"/api/v1/scans/{scan.pk}/original"
    got = client.get(address)
    got.getvalue()
    assert got.headers["ETag"] == f'"{scan.sha256}"'
    date = got.headers["Last-Modified"]
    assert client.get(address, headers={"If-Modified-Since": date}).status_code == 304
    later = {"If-Modified-Since": date, "If-None-Match": '"other"'}
    full = client.get(address, headers=later)
    full.getvalue()
    assert full.status_code == 200
    assert client.get(f"/api/v1/scans/{scan.pk}/image.png").headers["ETag"]


def test_nobody_overwrites_what_they_have_not_seen(client: APIClient, patient: Patient) -> None:
    address = f"{PATIENTS}{patient.pk}/"
    tag = client.get(address).headers["ETag"]
    first = client.patch(address, {"given_name": "Anna"}, format="json", headers={"If-Match": tag})
    second = client.patch(address, {"given_name": "Berta"}, format="json", headers={"If-Match": tag})
    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 412, "changed_since")
    patient.refresh_from_db()
    assert patient.given_name == "Anna"
    assert client.patch(address, {"given_name": "Cara"}, format="json", headers={"If-Match": "*"}).status_code == 200
