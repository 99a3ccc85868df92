"""Orders that programs place over FHIR: the same orders as HL7's, refused by name where they cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiToken, Clinic, User
from accounts.permissions import Permission
from accounts.roles import ROLES
from audit.models import AuditEvent
from audit.vocabulary import Event
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.models import Patient, Scan, Study
from orders import actions, following
from orders.models import Order, OrderSource
from tests.factories import new_patient
from tests.fhir_validator import faults
from tests.unit.orders.conftest import order, source

__all__ = ["order", "source"]  # fixtures
pytestmark = pytest.mark.django_db
SYSTEM = "https://ris.example/orders"
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
ADDRESS = "/fhir/ServiceRequest"
EDIT_PATIENT = Permission.EDIT_PATIENT
Send = Callable[..., Any]


def number(kind: str, value: str, system: str = SYSTEM) -> dict[str, Any]:
    return {"type": {"coding": [{"system": TYPES, "code": kind}]}, "system": system, "value": value}


@pytest.fixture
def body(source: OrderSource, patient: Patient) -> dict[str, Any]:
    OrderSource.objects.update(fhir_system=SYSTEM)
    mine = {"system": f"urn:uuid:{patient.clinic_id}", "value": patient.medical_record_number}
    return {
        "resourceType": "ServiceRequest",
        "identifier": [number("PLAC", "P1"), number("ACSN", "A1")],
        "status": "active",
        "intent": "order",
        "priority": "stat",
        "code": {"coding": [{"system": "urn:oid:2.999", "code": "XR-1", "display": "X-ray"}]},
        "orderDetail": [{"coding": [{"system": DCM, "code": "DX"}]}],
        "bodySite": [{"text": "Chest"}],
        "subject": {"identifier": mine},
        "occurrenceDateTime": "2026-12-01T10:30:00Z",
        "authoredOn": "2026-11-27T08:00:00+01:00",
        "requester": {"display": "Dr Eva Sommer"},
        "reasonCode": [{"text": "Pneumonia?"}],
        "note": [{"text": "Fever and cough"}],
    }


@pytest.fixture
def send(administrator: User) -> Send:
    """`send(body)`: by POST as an administrator of the clinic; with a key or a query by PUT."""

    def make(body: Any, where: str = "", *, by: Client | None = None, method: str = "", **headers: str) -> Any:
        client = by or Client()
        if by is None:
            client.force_login(administrator)
        text = body if isinstance(body, bytes) else json.dumps(body)
        method = method or ("PUT" if where else "POST")
        kind = headers.pop("content_type", "application/fhir+json")
        return client.generic(method, ADDRESS + where, text, content_type=kind, headers=headers)

    return make


def by_token(person: User, scopes: str) -> Client:
    _token, secret = ApiToken.objects.issue(membership=person.memberships.get(), name="RIS", scopes=scopes)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def refused(answer: Any) -> tuple[int, str, str]:
    """Status, code of the issue, and the element."""
    [issue] = answer.json()["issue"]
    return answer.status_code, issue["code"], "".join(issue.get("expression", []))


def test_an_order_is_placed_found_changed_and_cancelled(
    send: Send, body: dict[str, Any], patient: Patient, scan: Scan, administrator: User
) -> None:
    answer = send(body)
    made = Order.objects.get()
    assert (answer.status_code, answer["Location"]) == (201, f"http://testserver{ADDRESS}/{made.pk}")
    assert (made.patient, made.placer_number, made.accession_number) == (patient, "P1", "A1")
    assert (made.status, made.priority, made.modality) == ("scheduled", "urgent", "DX")
    assert (made.procedure_code, made.procedure_description) == ("XR-1", "X-ray, Chest")
    assert (made.clinical_question, made.referring_physician) == ("Pneumonia?\nFever and cough", "Dr Eva Sommer")
    assert (made.requested_at.isoformat(), made.placed_by.full_name) == ("2026-11-27T07:00:00+00:00", "RIS")
    entry = AuditEvent.objects.filter(route="POST fhir:ServiceRequest-search").get()
    assert (entry.event, entry.action, entry.person) == (Event.IMPORT, "C", administrator.pk)
    assert (entry.patient, entry.object_id) == (patient.pk, str(made.pk))

    told = answer.json()
    again = send(body)
    assert (again.status_code, again.json(), again["ETag"]) == (200, told, answer["ETag"])
    assert send(told, f"/{made.pk}").json() == told, "what was read may be sent back"
    changed = send(
        body | {"reasonCode": [{"text": "Effusion?"}], "note": [{"text": "Fever"}]}, f"?identifier={SYSTEM}|P1"
    )
    assert (changed.status_code, changed.json()["reasonCode"]) == (200, [{"text": "Effusion?\nFever"}])
    assert Order.objects.count() == 1
    assert send(body, f"?identifier={SYSTEM}|P2").status_code == 422
    assert refused(send(body | {"status": "completed"}))[:2] == (409, "conflict")
    assert refused(send(told | {"id": "9"}, f"/{made.pk}")) == (400, "invalid", "ServiceRequest.id")
    second = body | {"identifier": [number("PLAC", "P2"), number("ACSN", "A1")]}
    assert send(second | {"id": told["id"]}, f"/{made.pk}").status_code == 422, "an order keeps its number"
    assert send(second | {"id": told["id"]}, f"?identifier={SYSTEM}|P2").status_code == 422, "keys are given here"
    placed = send(second, f"?identifier={SYSTEM}|P2")
    assert placed.status_code == 201
    assert refused(send(second, f"?identifier=urn:uuid:{made.clinic_id}|A1"))[:2] == (412, "conflict")
    revoked = send(second | {"status": "revoked"}, f"/{placed.json()['id']}", method="PUT")
    assert revoked.status_code == 400, "a body without its id"
    ended = send(placed.json() | {"status": "revoked"}, f"/{placed.json()['id']}")
    assert (ended.status_code, ended.json()["status"]) == (200, "revoked")
    assert send(second | {"status": "revoked"}).status_code == 200
    assert refused(send(second))[:2] == (409, "conflict")
    # Its images: then it is not changed any more, and says so only where something would change.
    Study.objects.update(accession_number="A1")
    following.study_filed(scan.study_id)
    assert send(changed.json(), f"/{made.pk}").status_code == 200
    assert refused(send(body))[:2] == (409, "conflict")
    assert refused(send(body | {"status": "revoked"}))[:2] == (409, "conflict")
    assert not faults([told, changed.json(), ended.json(), send({}).json()])


def test_images_that_are_here_already_are_its_own(send: Send, body: dict[str, Any], scan: Scan) -> None:
    Study.objects.update(accession_number="A1")
    assert send(body).status_code == 201
    assert (Order.objects.get().study, Order.objects.get().status) == (scan.study, "acquired")
    scan.study.refresh_from_db()
    assert scan.study.clinical_question == "Pneumonia?\nFever and cough"


def test_of_two_who_read_the_same_version_one_is_told_so(send: Send, body: dict[str, Any]) -> None:
    first = send(body)
    where, told = f"/{first.json()['id']}", first.json()
    newer = told | {"reasonCode": [{"text": "Effusion?"}]}
    assert send(newer, where, **{"If-Match": first["ETag"]}).status_code == 200
    late = send(told | {"priority": "routine"}, where, **{"If-Match": first["ETag"]})
    assert refused(late)[:2] == (412, "conflict")
    assert Order.objects.get().priority == "urgent"
    assert send(told | {"priority": "routine"}, where, **{"If-Match": "*"}).status_code == 200
    nobody = body | {"identifier": [number("PLAC", "P9")]}
    assert send(nobody, f"?identifier={SYSTEM}|P9", **{"If-Match": "*"}).status_code == 412
    # A client that asks not to make it twice.
    same = send(body | {"priority": "urgent"}, **{"If-None-Exist": f"identifier={SYSTEM}|P1"})
    assert (same.status_code, same.json()["priority"]) == (200, "routine")
    assert send(body, **{"If-None-Exist": "status=active"}).status_code == 400
    brief = send(body, Prefer="return=minimal")
    assert (brief.status_code, brief.content, brief["ETag"] != first["ETag"]) == (200, b"", True)


def test_what_comes_by_another_road_at_the_same_moment_is_one_order(
    send: Send, body: dict[str, Any], order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = actions.find_order

    def late(*args: Any, **numbers: str) -> Order | None:
        monkeypatch.setattr(actions, "find_order", find)
        return None

    order(placer_number="P1")
    monkeypatch.setattr(actions, "find_order", late)
    assert send(body).status_code == 200
    assert Order.objects.get().accession_number == "A1"


def test_a_condition_never_answers_with_another_order(
    send: Send, body: dict[str, Any], order: Callable[..., Order]
) -> None:
    """The number that the filler gave one order may be the placer's of the next."""
    order(placer_number="P0", filler_number="P1")
    answer = send(body, **{"If-None-Exist": f"identifier={SYSTEM}|P1"})
    assert refused(answer) == (422, "business-rule", "ServiceRequest.identifier")
    assert send(body, f"?identifier={SYSTEM}%00|P1").status_code == 400
    assert not Order.objects.filter(placer_number="P1").exists()


def test_the_longest_uid_of_dicom_is_taken_as_it_is_told(send: Send, body: dict[str, Any]) -> None:
    uid = {"system": "urn:dicom:uid", "value": "urn:oid:1." + "2" * 62}
    answer = send(body | {"identifier": [number("PLAC", "P1"), uid]})
    told = answer.json()
    assert (answer.status_code, told["identifier"][-1]) == (201, uid)
    assert send(told, f"/{told['id']}").status_code == 200
    longer = {"identifier": [number("PLAC", "P2"), uid | {"value": uid["value"] + "2"}]}
    assert refused(send(body | longer)) == (422, "too-long", "ServiceRequest.identifier[1].value")


def test_of_two_who_are_named_none_is_guessed(send: Send, body: dict[str, Any], patient: Patient) -> None:
    mine = body["subject"]["identifier"]
    told = {"resourceType": "Patient", "id": "p", "identifier": [mine]}
    answer = send(body | {"subject": {"reference": "#p", "identifier": mine | {"value": "M2"}}, "contained": [told]})
    assert refused(answer) == (422, "business-rule", "ServiceRequest.subject")
    other = told | {"identifier": [mine | {"value": "M2"}]}
    answer = send(body | {"subject": {"reference": "#p"}, "contained": [told, other]})
    assert refused(answer) == (422, "business-rule", "ServiceRequest.contained")
    assert send(body | {"subject": {"reference": "#p", "identifier": mine}, "contained": [told]}).status_code == 201


UID = {"system": "urn:dicom:uid", "value": "x"}
TWO = [{"coding": [{"system": DCM, "code": one}]} for one in ("DX", "CT")]
SAID = [
    ({"resourceType": "Patient"}, 400, "invalid", "resourceType"),
    ({"status": None}, 400, "structure", "status"),
    ({"status": "waiting"}, 400, "code-invalid", "status"),
    ({"status": "draft"}, 422, "business-rule", "status"),
    ({"status": "entered-in-error"}, 422, "business-rule", "status"),
    ({"intent": "plan"}, 422, "business-rule", "intent"),
    ({"doNotPerform": True}, 422, "business-rule", "doNotPerform"),
    ({"doNotPerform": "no"}, 400, "structure", "doNotPerform"),
    ({"modifierExtension": [{"url": "u"}]}, 422, "not-supported", "modifierExtension"),
    ({"occurrenceTiming": {"event": ["2026-12-01"]}}, 422, "not-supported", "occurrenceTiming"),
    ({"nonsense": 1}, 400, "structure", "nonsense"),
    ({"identifier": []}, 400, "structure", "identifier"),
    ({"identifier": [number("ACSN", "A1")]}, 422, "required", "identifier"),
    ({"identifier": [number("PLAC", "000")]}, 400, "required", "identifier[0].value"),
    ({"identifier": [number("PLAC", "P1", "urn:oid:2.999")]}, 422, "not-found", "identifier[0].system"),
    ({"identifier": [number("PLAC", "P1"), number("PLAC", "P2")]}, 422, "business-rule", "identifier[1]"),
    ({"identifier": [number("PLAC", "P" * 65)]}, 422, "too-long", "identifier[0].value"),
    (
        {"identifier": [number("PLAC", "P1"), UID]},
        400,
        "value",
        "identifier[1].value",
    ),
    ({"priority": "soon"}, 400, "code-invalid", "priority"),
    ({"code": "XR"}, 400, "structure", "code"),
    ({"code": {"text": "x" * 201}}, 422, "too-long", "code.text"),
    (
        {"orderDetail": [{"coding": [{"system": DCM, "code": one}]} for one in ("DX", "CT")]},
        422,
        "business-rule",
        "orderDetail",
    ),
    ({"reasonCode": [{"text": "a\0"}]}, 400, "value", "reasonCode[0].text"),
    ({"reasonCode": [{"text": "\ud800"}]}, 400, "value", "reasonCode[0].text"),
    ({"reasonCode": [{"text": "x" * 1500}, {"text": "y" * 1500}]}, 422, "too-long", "reasonCode"),
    ({"requester": {"reference": "Practitioner/1"}}, 422, "required", "requester"),
    ({"authoredOn": "1899-01-01"}, 400, "value", "authoredOn"),
    ({"occurrenceDateTime": "2026-12"}, 400, "value", "occurrenceDateTime"),
    ({"occurrenceDateTime": "2026-12-01T10:00:00"}, 400, "value", "occurrenceDateTime"),
    ({"occurrenceDateTime": "9999-12-31T23:59:59-14:00"}, 400, "value", "occurrenceDateTime"),
    ({"subject": {"display": "Alma"}}, 400, "required", "subject.reference"),
    ({"subject": {"reference": "Group/1"}}, 422, "not-supported", "subject.reference"),
    ({"subject": {"reference": "#nobody"}}, 422, "not-found", "subject.reference"),
    ({"subject": {"identifier": {"system": "urn:oid:2.999", "value": "1"}}}, 422, "not-found", "subject.identifier"),
    ({"status": "revoked"}, 422, "not-found", "identifier"),
]


def test_what_cannot_be_used_is_refused_by_the_name_of_its_element(send: Send, body: dict[str, Any]) -> None:
    answers = [send(body | wrong) for wrong, *_ in SAID]
    assert not faults([one.json() for one in answers])
    assert [refused(one) for one in answers] == [
        (status, code, f"ServiceRequest.{element}") for _, status, code, element in SAID
    ]
    missing = {name: value for name, value in body.items() if name != "code"}
    assert refused(send(missing)) == (400, "invariant", "ServiceRequest.code")
    assert refused(send({name: value for name, value in body.items() if name != "subject"}))[1:] == (
        "required",
        "ServiceRequest.subject",
    )
    twice = json.dumps(body).replace('"intent": "order"', '"intent": "order", "intent": "plan"').encode()
    no_name = json.dumps(body | {"\ud800": 1}).encode()
    for raw in (b"", b"[]", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000, twice, no_name):
        assert send(raw).status_code == 400, raw[:20]
    assert send(body, content_type="application/fhir+xml").status_code == 415
    assert send(body, content_type="application/x-www-form-urlencoded").status_code == 415
    assert send(b" " * 300_000).status_code == 413
    for where in (
        "?identifier=P1",
        "?status=active",
        f"?identifier={SYSTEM}|P1&status=active",
        "?",
        "?identifier=a|%00",
    ):
        assert send(body, where, method="PUT").status_code == 400, where
    assert send(body, "?x=1", method="POST").status_code == 400
    assert send(body | {"occurrenceDateTime": "9999-12-31T23:59:59Z"}).status_code == 400
    assert not Order.objects.exists()


def test_whom_an_order_is_for(
    send: Send, body: dict[str, Any], patient: Patient, clinic: Clinic, administrator: User, stranger: User
) -> None:
    """By key, by number, or told in the order: then registered, and never against what the record says."""

    def put(subject: dict[str, Any], place: int, **more: Any) -> Any:
        return send(body | {"identifier": [number("PLAC", f"S{place}")], "subject": subject} | more)

    mine = body["subject"]["identifier"]
    key = f"Patient/{patient.pk}"
    for place, subject in enumerate(
        (
            {"reference": key},
            {"reference": f"http://testserver/fhir/{key}"},
            {"reference": key, "identifier": mine},
            {"identifier": {"system": "NORTH", "value": "mrn-0001"}},
        )
    ):
        answer = put(subject, place)
        assert (answer.status_code, answer.json()["subject"]["reference"]) == (201, key)
    other = new_patient(clinic, administrator, "OTHER")
    assert refused(put({"reference": f"Patient/{other.pk}", "identifier": mine}, 5))[:2] == (422, "business-rule")
    elsewhere = Patient.objects.create(
        clinic=stranger.memberships.get().clinic, created_by=stranger, medical_record_number="E1", family_name="Holm"
    )
    for subject in ({"reference": f"Patient/{elsewhere.pk}"}, {"identifier": mine | {"value": "E1"}}):
        assert refused(put(subject, 6)) == (422, "not-found", "ServiceRequest.subject")
    # An order keeps its patient.
    assert refused(put({"reference": f"Patient/{other.pk}"}, 0))[:2] == (409, "conflict")
    told: dict[str, Any] = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [mine | {"value": "NEW"}],
        "name": [{"use": "old", "family": "Vogt"}, {"use": "official", "family": "Lind", "given": ["Eva", "Ida"]}],
        "birthDate": "1970-01-02",
        "gender": "female",
    }
    answer = put({"reference": "#p"}, 7, contained=[told])
    new = Patient.objects.get(medical_record_number="NEW")
    assert (answer.status_code, new.name, new.birth_date.isoformat(), new.sex) == (
        201,
        "Lind, Eva Ida",
        "1970-01-02",
        "F",
    )
    assert new.history.get().history_user.full_name == "RIS"
    for wrong in ({"birthDate": "1970-01-03"}, {"gender": "male"}, {"name": [{"family": "A", "given": ["B"]}]}):
        assert refused(put({"reference": "#p"}, 8, contained=[told | wrong]))[:2] == (422, "business-rule")
    for wrong in ({"birthDate": "1970-13-01"}, {"gender": "?"}, {"name": [{"given": "Eva"}]}):
        assert put({"reference": "#p"}, 8, contained=[told | wrong]).status_code == 400
    nameless = deepcopy(told) | {"identifier": [mine | {"value": "NEWER"}], "name": [{"text": "Eva"}]}
    assert refused(put({"reference": "#p"}, 8, contained=[nameless]))[:2] == (422, "not-found")
    # A closed record is told as what it is, and nothing of it.
    mark_confidential(by=administrator, patient=patient)
    client = Client()
    client.force_login(_radiographer(clinic))
    answer = send(body | {"identifier": [number("PLAC", "S9")]}, by=client)
    assert refused(answer) == (403, "forbidden", "ServiceRequest.subject")
    assert "MRN" not in answer.content.decode()
    answer = send(body | {"identifier": [number("PLAC", "S0")]}, f"?identifier={SYSTEM}|S0", by=client)
    assert answer.status_code == 403


def _radiographer(clinic: Clinic) -> User:
    person = User.objects.create_user("rg@clinic.example", None, full_name="Rg")
    person.memberships.create(clinic=clinic, role="radiographer")
    return person


def test_who_may_place_an_order(
    send: Send,
    body: dict[str, Any],
    administrator: User,
    radiologist: User,
    stranger: User,
    source: OrderSource,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    placed = send(body).json()
    where, newer = f"/{placed['id']}", placed | {"reasonCode": [{"text": "Effusion?"}]}
    assert Client().post(ADDRESS, "{}", content_type="application/fhir+json").status_code == 401
    clients = [Client(), Client()]
    for client, person in zip(clients, (radiologist, stranger), strict=True):
        client.force_login(person)
    reader, outside = clients
    assert [send(body, by=reader).status_code, send(newer, where, by=reader).status_code] == [403, 404]
    assert send(newer, f"?identifier={SYSTEM}|P1", by=reader).status_code == 403
    assert send(newer, where, by=outside).status_code == 404
    # What a token may not do, its person may.
    unread = body | {"identifier": [number("PLAC", "P2")]}
    creating, updating = (by_token(administrator, f"system/ServiceRequest.{one}") for one in "cu")
    assert send(unread, by=updating).status_code == send(newer, where, by=creating).status_code == 403
    assert send(body | {"priority": "routine"}, by=creating).status_code == 403, "it would change one that is there"
    assert send(unread, f"?identifier={SYSTEM}|P2", by=updating).status_code == 403, "it would place one"
    new = {"resourceType": "Patient", "id": "p", "identifier": [body["subject"]["identifier"] | {"value": "NEW"}]}
    known = {"subject": {"reference": "#p"}, "contained": [new | {"name": [{"family": "Lind"}]}]}
    assert "system/Patient.c" in send(unread | known, by=creating).content.decode()
    assert (Order.objects.count(), Patient.objects.filter(medical_record_number="NEW").exists()) == (1, False)
    assert [send(unread, by=creating).status_code, send(newer, where, by=updating).status_code] == [201, 200]
    monkeypatch.setattr(ROLES["administrator"], "permissions", ROLES["administrator"].permissions - {EDIT_PATIENT})
    assert refused(send(unread | known))[:2] == (403, "forbidden")
    # The system has to be known, for this clinic and now.
    elsewhere = stranger.memberships.get().clinic
    OrderSource.objects.create(clinic=elsewhere, name="RIS", fhir_system="urn:oid:2.999.7")
    theirs = body | {"identifier": [number("PLAC", "P1", "urn:oid:2.999.7")]}
    unnamed = body | {"identifier": [{name: value for name, value in number("PLAC", "P1").items() if name != "system"}]}
    nobodys = (422, "not-found", "ServiceRequest.identifier[0].system")
    assert refused(send(theirs)) == nobodys
    OrderSource.objects.update(is_active=False)
    assert refused(send(body))[:2] == (422, "not-found")
    OrderSource.objects.filter(pk=source.pk).update(is_active=True, fhir_system="")
    assert refused(send(body | {"identifier": [number("PLAC", "P1", "")]}))[0] == 400
    by_key = body | {"identifier": [number("PLAC", "P1", f"urn:uuid:{source.pk}")]}
    assert refused(send(by_key)) == refused(send(unnamed)) == nobodys
