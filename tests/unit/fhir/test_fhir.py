"""FHIR R4 over HTTP: every resource valid, found by its parameters, and shown to those whom the API would show it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.actions.deletion import confirm_deletion, request_deletion
from diagnosis.actions.report import add_addendum, sign_report
from diagnosis.actions.report_correction import correct_report
from diagnosis.actions.review import claim_review, commit_first_impression
from diagnosis.actions.withdrawal import bring_back, take_back
from diagnosis.models import Patient, Prediction, ReadingPolicy, Report, Scan
from diagnosis.models.reading_policy import ReadFirst
from diagnosis.models.review import Category
from diagnosis.rules import deletions
from diagnosis.states import STANDING_ELSEWHERE, ReportStanding
from fhir.catalogue import KINDS as CATALOGUE
from fhir.kinds import Kind
from fhir.resources.reports import STANDING
from tests.conftest import PASSWORD
from tests.factories import finish, new_patient, read
from tests.fhir_validator import faults
from tests.integration.test_audit_routes import World, world

__all__ = ["world"]  # a fixture
pytestmark = pytest.mark.django_db
MANUAL = Path(__file__).resolve().parents[3] / "docs" / "manual" / "fhir.md"
BEGIN, END = "<!-- parameters: written by tests/unit/fhir -->", "<!-- end of parameters -->"
KINDS = (
    "Patient",
    "ServiceRequest",
    "ImagingStudy",
    "DiagnosticReport",
    "Observation",
    "Device",
    "Provenance",
    "AuditEvent",
)


def asking(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def found(client: Client, address: str, **headers: str) -> dict[str, Any]:
    answer = client.get(f"/fhir/{address}", headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].startswith("application/fhir+json")
    bundle: dict[str, Any] = answer.json()
    return bundle


def ids(client: Client, address: str) -> list[str]:
    return [one["resource"]["id"] for one in found(client, address).get("entry", [])]


def refused(client: Client, address: str, **headers: str) -> tuple[int, str, str]:
    """Status, code of the issue, and what it says."""
    answer = client.get(f"/fhir/{address}", headers=headers)
    told = answer.json()
    assert told["resourceType"] == "OperationOutcome"
    [issue] = told["issue"]
    return answer.status_code, issue["code"], issue["diagnostics"]


def test_every_resource_is_valid_and_found_again(world: World) -> None:
    """One world for all of it: to make one takes longer than to ask for everything in it."""
    client = asking(world.people["root"])
    _require_valid(client)
    _require_patient_found(client, world.patient)
    _require_study_found(client, world.patient)
    _require_pages(client)
    _require_form(client, world)
    _require_versions(client, world.patient)
    _require_refusals(client, world.patient)
    # The trail is for administrators.
    assert ids(asking(world.people["radiologist"]), "AuditEvent") == []
    assert AuditEvent.objects.filter(event="110101", route="GET fhir:AuditEvent-search").exists()


def _require_valid(client: Client) -> None:
    sent = [found(Client(), "metadata"), client.get("/fhir/Nothing").json(), client.get("/fhir/Patient?sort=x").json()]
    for kind in KINDS:
        bundle = found(client, f"{kind}?_count=200")
        listed = [one["resource"] for one in bundle["entry"]]
        sent += [bundle, *listed, one := found(client, f"{kind}/{listed[0]['id']}")]
        assert one == listed[0]
        assert ids(client, f"{kind}?_id={one['id']}") == [one["id"]]
        assert len({each["id"] for each in listed}) == len(listed) == bundle["total"]
    told = faults(sent)
    assert not told, "\n".join(told[:20])
    assert len(faults([{**sent[-1], "nonsense": 1}, {**sent[-1], "outcome": "?"}])) == 2
    # Each parameter that the server names is one that it knows.
    named = [(one["type"], each) for one in sent[0]["rest"][0]["resource"] for each in one["searchParam"]]
    for kind, each in named:
        value = "2026" if each["type"] == "date" else "x"
        assert found(client, f"{kind}?{each['name']}={value}")["resourceType"] == "Bundle"


def _require_patient_found(client: Client, patient: Patient) -> None:
    one = found(client, f"Patient/{patient.pk}")
    number = patient.medical_record_number
    by = [f"identifier={number}", "birthdate=1958-03-14", "family=ber", "gender=female", "name=alm"]
    by += [f"identifier={one['identifier'][0]['system']}|{number}", "birthdate=ge1958&family=B", f"_id=x,{patient.pk}"]
    for each in by:
        assert ids(client, f"Patient?{each}") == [one["id"]], each
    for each in ("birthdate=gt1958", "birthdate=1958-03-15", "identifier=other|MRN-0001", "gender=male", "family=Y"):
        assert one["id"] not in ids(client, f"Patient?{each}"), each
    [merged] = ids(client, "Patient?identifier=TWICE")
    assert found(client, f"Patient/{merged}")["link"][0]["other"] == {"reference": f"Patient/{patient.pk}"}
    assert ids(client, f"ImagingStudy?patient={merged}") == ids(client, "ImagingStudy?patient=Group/1") == []


def _require_study_found(client: Client, patient: Patient) -> None:
    of_patient = ids(client, f"ImagingStudy?patient={patient.pk}")
    for each in (f"subject=Patient/{patient.pk}", f"patient.identifier={patient.medical_record_number}"):
        assert ids(client, f"ImagingStudy?{each}") == of_patient
    study = found(client, f"ImagingStudy/{of_patient[0]}")
    assert ids(client, f"ImagingStudy?identifier={study['identifier'][0]['value']}") == [study["id"]]


def _require_pages(client: Client) -> None:
    """Each resource once, newest first, whatever the tables it comes from."""
    whole, pages, address = ids(client, "Observation?_count=200"), [], "Observation?_count=2"
    while address:
        bundle = found(client, address)
        pages += [one["resource"]["id"] for one in bundle["entry"]]
        address = next((one["url"] for one in bundle["link"] if one["relation"] == "next"), "").partition("/fhir/")[2]
        assert len(bundle["entry"]) <= 2
    assert pages == whole
    assert len(whole) > 4
    before = AuditEvent.objects.count()
    counted = found(client, "Observation?_count=0")
    assert AuditEvent.objects.count() == before + 1, "a number tells of patients too"
    assert (counted["total"], "entry" in counted) == (len(whole), False)
    with_more = found(client, f"Observation?_id={whole[0]}&_include=Observation:patient&_include=Observation:device")
    more = [one["resource"]["resourceType"] for one in with_more["entry"] if one["search"]["mode"] == "include"]
    assert sorted(more) == ["Device", "Patient"]
    device = found(client, f"Observation/{whole[0]}")["device"]["reference"]
    assert whole[0] in ids(client, f"Observation?device={device}")
    assert ids(client, f"Provenance?target=Observation/{whole[0]}")


def _require_form(client: Client, world: World) -> None:
    form = client.post("/fhir/Patient/_search", "family=Berg", content_type="application/x-www-form-urlencoded")
    assert [one["resource"]["id"] for one in form.json()["entry"]] == [str(world.patient.pk)]
    entry = AuditEvent.objects.order_by("pk").last()
    assert entry is not None
    assert (entry.event, entry.action, world.names(entry)) == ("110112", "R", True)


def _require_versions(client: Client, patient: Patient) -> None:
    answer = client.get(address := f"/fhir/Patient/{patient.pk}")
    meta = answer.json()["meta"]
    assert answer["ETag"] == f'W/"{meta["versionId"]}"'
    assert client.get(address, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert client.get(address, headers={"Accept-Language": "de"})["ETag"] == answer["ETag"]
    patient.given_name = "Anna"
    patient.save()
    again = client.get(address, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again["ETag"] == answer["ETag"]) == (200, False)
    assert again.json()["meta"]["lastUpdated"] > meta["lastUpdated"]
    since = meta["lastUpdated"].replace("+", "%2B")
    assert ids(client, f"Patient?_lastUpdated=gt{since}") == [str(patient.pk)]


def _require_refusals(client: Client, patient: Patient) -> None:
    """What is not understood is refused, and what is not made here."""
    assert refused(client, "Patient?sort=x")[:2] == (400, "invalid")
    lenient = found(client, "Patient?sort=x&family=Berg", prefer="handling=lenient")
    assert [one["search"]["mode"] for one in lenient["entry"]] == ["match", "outcome"]
    assert "sort" not in lenient["link"][0]["url"]
    assert refused(client, "Patient?family:exact=Berg", prefer="handling=lenient")[0] == 400
    wrong = (
        "birthdate=yesterday",
        "birthdate=2026-13",
        "birthdate=9999",
        "family=",
        "family=%00",
        "_count=x",
        "_count=900",
        "_count=0000000005000000",
    )
    for each in (*wrong, "_cursor=0.x", "_cursor=9.1", "_cursor=x", "_include=Patient:x"):
        assert refused(client, f"Patient?{each}")[0] == 400, each
    for each in ("Patient?_format=xml", "metadata?_format=ttl"):
        assert refused(client, each)[:2] == (406, "not-supported")
    assert refused(client, "Patient", accept="application/fhir+xml")[0] == 406
    assert found(client, "Patient?_format=application/fhir%2Bjson", accept="text/html")["type"] == "searchset"
    for each in ("Nothing", "Patient/x", "Patient/x/_history", "Observation/x", "Device/x", "AuditEvent/x.1"):
        assert refused(client, each)[:2] == (404, "not-found"), each
    assert refused(Client(), "Patient")[:2] == (401, "login")
    assert client.delete(f"/fhir/Patient/{patient.pk}").json()["issue"][0]["code"] == "not-supported"


def test_the_manual_has_the_table_of_the_server() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    wanted = f"{before}{BEGIN}\n{_table()}\n{END}{rest.partition(END)[2]}"
    if os.environ.get("WRITE_DOCS"):
        MANUAL.write_text(wanted, encoding="utf-8")
    assert MANUAL.read_text(encoding="utf-8") == wanted


def _table() -> str:
    head = ["| Type | Parameters | `_include` |", "| --- | --- | --- |"]
    return "\n".join([*head, *(_row(one) for one in CATALOGUE.values())])


def _row(kind: Kind) -> str:
    named, more = (", ".join(f"`{each}`" for each in sorted(of)) for of in (kind.parameters, kind.includes))
    return f"| {kind.name} | {named} | {more or '–'} |"


def test_a_report_is_one_resource_whatever_became_of_it(
    upload: Callable[..., Scan], radiologist: User, administrator: User
) -> None:
    assert {str(one) for one in ReportStanding} - {str(one) for one in STANDING} == {"superseded"}
    scan = upload()
    first = read(radiologist, scan.reviews.get()).report
    client, address = asking(administrator), f"DiagnosticReport/{first.pk}"
    told = [found(client, address)]
    first = sign_report(by=radiologist, report=first, password=PASSWORD)
    told.append(found(client, address))
    add_addendum(by=radiologist, report=first, text="A rib is broken.", password=PASSWORD)
    told.append(found(client, address))
    correct_report(by=radiologist, report=first, reason="Wrong side.", password=PASSWORD)
    told.append(found(client, address))
    assert [one["status"] for one in told] == ["preliminary", "final", "appended", "corrected"]
    assert "A rib is broken." in told[2]["conclusion"] and "A rib is broken." in told[2]["text"]["div"]
    assert len({one["meta"]["versionId"] for one in told}) == 4
    assert [one["meta"]["lastUpdated"] for one in told] == sorted(one["meta"]["lastUpdated"] for one in told)
    assert ids(client, f"DiagnosticReport?imaging-study={scan.study_id}&status=corrected") == [str(first.pk)]
    for status in {one.fhir for one in STANDING_ELSEWHERE.values()} - {"corrected"}:
        assert ids(client, f"DiagnosticReport?status={status}") == []
    later = Report.objects.get(corrects=first)
    assert refused(client, f"DiagnosticReport/{later.pk}")[0] == 404
    assert len(ids(client, f"Provenance?target={address}")) == 2


def test_a_study_that_came_back_has_another_version(
    scan: Scan, radiographer: User, radiologist: User, administrator: User
) -> None:
    """Whoever knew it before it was taken back must not take it for unchanged."""
    client, address = asking(radiologist), f"/fhir/ImagingStudy/{scan.study_id}"
    before = client.get(address)
    withdrawal = take_back(by=radiographer, study=scan.study)
    assert client.get(address).status_code == 404
    bring_back(by=administrator, withdrawal=withdrawal)
    withdrawal.refresh_from_db()
    assert withdrawal.undone_at
    after = client.get(address, headers={"If-None-Match": before["ETag"]})
    assert (after.status_code, after["ETag"] == before["ETag"]) == (200, False)
    assert after.json()["meta"]["lastUpdated"] >= withdrawal.undone_at.isoformat()


def test_what_the_api_hides_is_hidden(
    patient: Patient,
    upload: Callable[..., Scan],
    radiographer: User,
    radiologist: User,
    clinician: User,
    administrator: User,
    stranger: User,
    member: Callable[..., User],
) -> None:
    scan, taken, gone = upload(1), upload(2), upload(3)
    result = finish(scan, 0.9, 0.8, combined=0.85)
    answers = [str(result.ensemble_prediction.pk), *(str(one.pk) for one in result.predictions.all())]
    # The blind reading: nothing of the result before one has read.
    ReadingPolicy.objects.create(clinic=patient.clinic, read_first=ReadFirst.ALWAYS)
    reader, other = asking(radiologist), asking(clinician)
    assert sorted(ids(other, "Observation")) == sorted(answers)
    assert ids(reader, "Observation") == ids(reader, "Provenance") == []
    for address in (*(f"Observation/{key}" for key in answers), f"Provenance/{result.pk}"):
        status, _code, said = refused(reader, address)
        assert (status, "first impression" in said) == (403, True)
        assert found(other, address)["id"]
    held = claim_review(by=radiologist, review=scan.reviews.get())
    commit_first_impression(by=radiologist, review=held, category=Category.TYPICAL)
    report = read(radiologist, held, decision="agree", category="typical").report
    assert sorted(ids(reader, "Observation")) == sorted(answers)
    # Clinics.
    everything = [f"Patient/{patient.pk}", f"ImagingStudy/{scan.study_id}", f"DiagnosticReport/{report.pk}"]
    everything += [f"Observation/{answers[0]}", f"Provenance/{result.pk}"]
    outside = asking(stranger)
    for address in everything:
        assert found(reader, address)["id"]
        assert refused(outside, address)[0] == 404
        assert ids(outside, address.partition("/")[0]) == []
    # Taken back, deleted.
    seen = str(Prediction.objects.get(analysis=finish(gone, 0.7)).pk)
    take_back(by=radiographer, study=taken.study)
    assert refused(reader, f"ImagingStudy/{taken.study_id}")[0] == 404
    second = member("administrator")
    asked = request_deletion(by=administrator, study=gone.study, reason="Uploaded twice.")
    confirm_deletion(by=second, deletion=asked, seen=deletions.contents(gone.study))
    for address in (f"ImagingStudy/{gone.study_id}", f"Observation/{seen}"):
        assert refused(reader, address)[:2] == (410, "deleted")
        assert refused(outside, address)[0] == 404
    # Confidential.
    mark_confidential(by=administrator, patient=patient)
    for address in everything:
        assert refused(other, address)[0] == 404
        assert ids(other, address.partition("/")[0]) == []
    assert new_patient(patient.clinic, radiographer, "OPEN")
