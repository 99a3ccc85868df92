"""The two addresses of the system before this one, for programs that still call them."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import ApiToken, Clinic, User
from accounts.sender import sender
from audit.models import AuditEvent
from audit.vocabulary import Event
from client.transport import Body, Problem, Transport
from diagnosis.api.predecessor import waiting
from diagnosis.models import Patient, ReadingPolicy, Scan
from diagnosis.models.patient import UNASSIGNED_NUMBER
from diagnosis.results import intended_use
from diagnosis.rules import blinding
from portal.bodies import upload_limit
from tests.factories import ABNORMALITY, finish
from tests.images import NO_IMAGE, ct_dicom, xray_dicom, xray_png
from tests.integration.api.conftest import Api

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from tests.running import Worker

SENDS = """
const [base, token, path] = process.argv.slice(1);
const pic = await (await import("node:fs")).promises.readFile(path);
const headers = { Authorization: `Bearer ${token}` };
const encoded = JSON.stringify({ pic: `data:image/png;base64,${pic.toString("base64")}` });
const asked = await fetch(`${base}/sendbase64`, {
  method: "POST", body: encoded, headers: { ...headers, "Content-Type": "application/json" } });
const form = new FormData();
form.append("pic", new Blob([pic]), "thorax.png");
const sent = await fetch(`${base}/upload`, { method: "POST", body: form, headers });
console.log(JSON.stringify([asked.status, await asked.json(), sent.status, await sent.text()]));
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Nobody analyses meanwhile, where there is no worker."""
    if "worker" not in request.fixturenames:
        monkeypatch.setattr(waiting, "LONGEST", 0)


def data_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def send(client: APIClient, data: bytes, address: str = "/sendbase64") -> Any:
    return client.post(address, {"pic": data_url(data)}, format="json")


def send_file(client: APIClient, data: bytes) -> Any:
    return client.post("/upload", {"pic": SimpleUploadedFile("thorax.png", data)}, format="multipart")


def test_an_image_waits_in_the_record_of_nobody_and_its_result_is_fetched_later(
    radiographer: User, clinic: Clinic, api: Api
) -> None:
    client = api(radiographer)
    first = send(client, xray_png())
    scan = Scan.objects.get()
    assert (first.status_code, int(first["Retry-After"]) > 0) == (202, True)
    assert first.json()["status_url"] == first["Location"]
    assert first["Location"] in first.json()["percentage"]
    assert client.get(first["Location"]).json()["status"] == "queued"
    assert (scan.patient.medical_record_number, scan.patient.clinic) == (UNASSIGNED_NUMBER, clinic)
    assert AuditEvent.objects.filter(patient=scan.patient_id, event=Event.IMPORT, action="C").exists()

    finish(scan, 0.9, 0.95, combined=0.9731)
    again = send(client, xray_png()).json()
    assert again["percentage"] == "97.31% COVID"
    assert again["analysis"]["ensemble_prediction"]["probability"] == 0.9731
    assert again["verdict"] == again["analysis"]["verdict"]
    lines = send_file(client, xray_png())
    assert lines["Content-Type"] == "text/plain; charset=utf-8"
    assert lines.content.decode().splitlines() == ["97.31% COVID", again["verdict"], intended_use.SENTENCE]
    assert Scan.objects.count() == Patient.objects.count() == 1


@pytest.mark.parametrize("combined", [0.5, 0.6])
def test_what_is_not_settled_is_a_sentence_and_no_number(radiographer: User, api: Api, combined: float) -> None:
    """Between two thresholds, or where both questions are answered differently."""
    client = api(radiographer)
    send(client, xray_png())
    finish(Scan.objects.get(), 0.5, 0.5, combined=combined, abnormality=ABNORMALITY if combined > 0.5 else None)
    told = send(client, xray_png()).json()
    assert told["percentage"] == told["verdict"]
    assert "% COVID" not in told["percentage"]


def test_what_is_hidden_until_read_is_hidden_here(clinic: Clinic, radiologist: User, api: Api) -> None:
    ReadingPolicy.objects.create(clinic=clinic, read_first="always")
    client = api(radiologist)
    send(client, xray_png())
    finish(Scan.objects.get(), 0.9, 0.95, combined=0.9731)
    for answer in (send(client, xray_png()), send_file(client, xray_png())):
        told = answer.content.decode()
        assert answer.status_code == 200
        # Not "97" alone, which a time or a key may hold, nor the end of 10:20:30.97.
        assert not re.search(r"(?<![0-9])0\.97|97 ?%|97\.3", told)
        assert blinding.RESULT_HIDDEN[:40] in told.replace("\\u0027", "'")


def test_a_refusal_is_a_sentence_in_the_old_shape(radiographer: User, api: Api) -> None:
    client = api(radiographer)
    refused = send(client, NO_IMAGE)
    assert refused.status_code == 422
    assert refused.json()["percentage"] == refused.json()["detail"]
    assert refused.json()["code"] == "is_text"
    lines = send_file(client, NO_IMAGE)
    assert (lines.status_code, lines.content.decode()) == (422, refused.json()["detail"] + "\n")
    for body in ({}, {"pic": ""}, {"pic": 3}, ["pic"]):
        assert client.post("/sendbase64", body, format="json").status_code == 400
    assert client.post("/sendbase64", {"pic": "%%%"}, format="json").json()["code"] == "not_base64"
    assert client.post("/upload", {"pic": "no file"}, format="multipart").status_code == 400
    assert send(client, xray_png(), "/sendbase64?modality=mri").status_code == 400
    assert not Scan.objects.exists()


def test_an_image_that_names_somebody_is_not_kept_as_nobodys(radiographer: User, api: Api) -> None:
    client = api(radiographer)
    assert send(client, xray_dicom(patient_name="Holm^Per")).json()["code"] == "identity_mismatch"
    assert not Scan.objects.exists()
    assert send(client, ct_dicom()).status_code == 202
    assert Scan.objects.get().modality == "ct"


def test_the_address_may_say_that_it_is_ct(radiographer: User, api: Api) -> None:
    assert send(api(radiographer), xray_png(), "/sendbase64?modality=ct").status_code == 202
    assert Scan.objects.get().modality == "ct"


@pytest.mark.parametrize("change", [{"birth_date": "1950-01-02"}, {"given_name": "Ada"}, {"sex": "F"}])
def test_nothing_goes_into_a_record_that_became_a_persons(radiographer: User, api: Api, change: dict[str, str]) -> None:
    client = api(radiographer)
    send(client, xray_png())
    Patient.objects.update(**change)
    refused = send(client, xray_png(1))
    assert (refused.status_code, refused.json()["code"]) == (409, "unassigned_record_changed")
    assert Scan.objects.count() == 1


def test_nothing_follows_a_merge_into_a_persons_record(radiographer: User, patient: Patient, api: Api) -> None:
    client = api(radiographer)
    send(client, xray_png())
    Patient.objects.filter(medical_record_number=UNASSIGNED_NUMBER).update(merged_into=patient)
    assert send(client, xray_png(1)).json()["code"] == "unassigned_record_changed"


def test_what_a_person_moved_is_found_where_it_is(radiographer: User, patient: Patient, api: Api, scan: Scan) -> None:
    told = send(api(radiographer), xray_png()).json()
    assert told["scan"].endswith(f"/api/v1/scans/{scan.pk}/")
    assert Scan.objects.count() == 1


def test_a_body_is_json_whatever_it_is_called(radiographer: User, api: Api) -> None:
    """A browser sends text by its own name for it."""
    for kind in ("application/x-www-form-urlencoded", "text/plain;charset=UTF-8"):
        body = json.dumps({"pic": data_url(xray_png())})
        assert api(radiographer).post("/sendbase64", body, content_type=kind).status_code == 202


def test_only_a_token_that_may_send_opens_them(radiographer: User, api: Api) -> None:
    signed_in = APIClient(enforce_csrf_checks=True)
    signed_in.force_login(radiographer)
    weak, secret = ApiToken.objects.issue(
        membership=radiographer.memberships.get(), name="t", scopes="system/Patient.rs"
    )
    reader = APIClient()
    reader.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    for address in ("/sendbase64", "/upload"):
        for client in (APIClient(), signed_in):
            refused = client.post(address, "{}", content_type="application/json")
            assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
        assert reader.post(address).status_code == 403
    assert weak.scopes == "system/Patient.rs"
    assert APIClient().get("/upload")["Location"] == "/upload/"
    assert APIClient().get("/sendbase64").status_code == 401


def test_a_token_comes_as_the_password_of_an_address_too(radiographer: User) -> None:
    _token, secret = ApiToken.objects.issue(membership=radiographer.memberships.get(), name="t")
    client = APIClient()
    for pair, answered in ((f"any:{secret}", 202), (f":{secret}", 202), (secret, 401), ("any:cip_wrong", 401)):
        basic = "Basic " + base64.b64encode(pair.encode()).decode()
        client.credentials(HTTP_AUTHORIZATION=basic)
        assert send(client, xray_png()).status_code == answered, pair
        assert (sender(cookie="", authorization=basic) is not None) == (answered == 202)
        assert client.get("/api/v1/scans/").status_code == 401
    client.credentials(HTTP_AUTHORIZATION="Basic %%%")
    assert send(client, xray_png()).status_code == 401


def test_what_is_too_large_is_refused_before_it_is_read(radiographer: User, api: Api) -> None:
    for address, kind in (("/sendbase64", "text/plain"), ("/upload", "multipart/form-data; boundary=b")):
        limit = upload_limit(address)
        assert limit is not None and limit > settings.UPLOAD_MAX_BYTES
        refused = api(radiographer).post(address, b"", content_type=kind, CONTENT_LENGTH=str(limit + 1))
        assert refused.status_code == 413
        assert "MB" in refused.content.decode()
    busy = api(radiographer).post("/sendbase64", b"", content_type=kind, **{"portal.refusal": "too_many"})
    assert (busy.status_code, busy.json()["percentage"]) == (429, busy.json()["detail"])
    busy = api(radiographer).post("/upload", b"", content_type=kind, **{"portal.refusal": "too_many"})
    assert (busy.status_code, busy["Content-Type"]) == (429, "text/plain; charset=utf-8")


def test_only_a_few_threads_wait(radiographer: User, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[Any] = []
    monkeypatch.setattr(waiting, "_waited", lambda pk: waited.append(pk) or False)
    assert send(api(radiographer), xray_png()).status_code == 202
    assert len(waited) == 1
    with waiting._places:
        assert send(api(radiographer), xray_png()).status_code == 202
    assert len(waited) == 1


@pytest.mark.django_db(transaction=True)
def test_programs_in_python_and_javascript_get_results_of_real_images(
    worker: Worker, live_server: LiveServer, radiographer: User, chest_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker answers while they wait, over a real socket."""
    monkeypatch.setattr(waiting, "LONGEST", 120.0)  # however busy the machine is
    _token, secret = ApiToken.objects.issue(membership=radiographer.memberships.get(), name="old programs")
    images = sorted((chest_data / "originals" / "cxr").glob("*.png"))[:3]
    bearer = {"Authorization": f"Bearer {secret}"}
    pic = data_url(images[0].read_bytes())
    told = _until_told(lambda: requests.post(f"{live_server.url}/sendbase64", json={"pic": pic}, headers=bearer))
    assert told.json()["percentage"]
    assert told.json()["analysis"]["status"] == "succeeded"
    with images[1].open("rb") as file:
        sent = requests.post(f"{live_server.url}/upload", files={"pic": file}, auth=("token", secret), timeout=60)
    assert sent.status_code in (200, 202), sent.text

    transport = Transport(live_server.url, secret)
    again = transport.request("POST", "/sendbase64", Body.of_json({"pic": pic})).json()
    assert (again["percentage"], again["scan"]) == (told.json()["percentage"], told.json()["scan"])
    with pytest.raises(Problem) as refused:
        transport.request("POST", "/sendbase64", Body.of_json({"pic": data_url(NO_IMAGE)}))
    assert (refused.value.code, refused.value.body["percentage"]) == ("is_text", refused.value.detail)

    script = ["node", "--input-type=module", "-e", SENDS, live_server.url, secret, str(images[2])]
    run = subprocess.run(script, capture_output=True, text=True, timeout=300, check=True)
    status, answer, sent_status, text = json.loads(run.stdout)
    assert (status, sent_status) == (200, 200)
    assert text.splitlines()[0] == answer["percentage"]
    assert Scan.objects.count() == 3


def _until_told(post: Any) -> Any:
    """The first image also waits until a worker has loaded the classifiers."""
    for _ in range(10):
        answer = post()
        if answer.status_code != 202:
            return answer
    return answer
