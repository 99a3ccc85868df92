"""The audit trail as FHIR R4 AuditEvent and as the message of DICOM PS3.15 A.5."""

from __future__ import annotations

import json
import uuid
from io import StringIO
from xml.etree import ElementTree as ET

import pytest
from django.core.management import CommandError, call_command

from audit import chain
from audit.models import AuditEvent
from audit.vocabulary import MEANINGS, Action, Event, Outcome

pytestmark = [pytest.mark.django_db]
PERSON, PATIENT, LISTED = (uuid.UUID(int=number) for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def _entries() -> None:
    chain.append(
        AuditEvent(
            event=Event.RECORD,
            action=Action.READ,
            person=PERSON,
            patient=PATIENT,
            address="192.0.2.7",
            object_type="diagnosis.report",
            object_id="r1",
        )
    )
    chain.append(AuditEvent(event=Event.LOGIN, action=Action.EXECUTE, outcome=Outcome.MINOR, login="a@b.example"))
    chain.append(
        AuditEvent(
            event=Event.QUERY,
            action=Action.READ,
            person=PERSON,
            patients=f"{PATIENT.hex} {LISTED.hex}",
            object_type="list of diagnosis.study",
        )
    )


def exported(form: str) -> list[str]:
    out = StringIO()
    call_command("export_audit", form=form, stdout=out)
    return out.getvalue().splitlines()


def test_fhir() -> None:
    record, login, query = (json.loads(line) for line in exported("fhir"))
    assert record["resourceType"] == "AuditEvent"
    assert record["type"] == {
        "system": "http://dicom.nema.org/resources/ontology/DCM",
        "code": "110110",
        "display": "Patient Record",
    }
    assert (record["action"], record["outcome"], record["agent"][0]["requestor"]) == ("R", "0", True)
    assert record["agent"][0]["who"] == {"identifier": {"value": str(PERSON)}}
    assert record["agent"][0]["network"] == {"address": "192.0.2.7", "type": "2"}
    patient, report = record["entity"]
    assert (patient["what"]["identifier"]["value"], patient["role"]["display"]) == (str(PATIENT), "Patient")
    assert (report["what"]["identifier"]["value"], report["role"]["code"]) == ("r1", "3")
    assert (login["type"]["code"], login["subtype"][0]["code"], login["outcome"]) == ("110114", "110122", "4")
    assert login["agent"][0]["who"] == {"display": "a@b.example"}
    assert [one["role"]["display"] for one in query["entity"]] == ["Patient", "Patient", "Query"]


def test_dicom() -> None:
    record, login, query = (ET.fromstring(line) for line in exported("dicom"))
    identification = record.find("EventIdentification")
    assert record.tag == "AuditMessage" and identification is not None
    assert identification.attrib | {"EventDateTime": ""} == {
        "EventActionCode": "R",
        "EventDateTime": "",
        "EventOutcomeIndicator": "0",
    }
    assert identification.find("EventID").attrib == {  # type: ignore[union-attr]
        "csd-code": "110110",
        "codeSystemName": "DCM",
        "originalText": "Patient Record",
    }
    assert record.find("ActiveParticipant").attrib == {  # type: ignore[union-attr]
        "UserID": str(PERSON),
        "UserIsRequestor": "true",
        "NetworkAccessPointID": "192.0.2.7",
        "NetworkAccessPointTypeCode": "2",
    }
    objects = record.findall("ParticipantObjectIdentification")
    assert [one.get("ParticipantObjectTypeCodeRole") for one in objects] == ["1", "3"]
    assert login.find("EventIdentification/EventTypeCode").get("csd-code") == "110122"  # type: ignore[union-attr]
    assert len(query.findall("ParticipantObjectIdentification")) == 3


def test_an_export_is_an_entry_too(django_capture_on_commit_callbacks: object) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        exported("fhir")
    last = AuditEvent.objects.order_by("pk").last()
    assert last is not None
    assert (last.event, last.detail) == (Event.TRAIL_USED, {"form": "fhir"})


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="neither a date nor a time"):
        call_command("export_audit", since="yesterday", stdout=StringIO())
    out = StringIO()
    call_command("export_audit", since="2999-01-01", stdout=out)
    assert out.getvalue() == ""


def test_every_event_has_the_standard_s_name() -> None:
    assert set(MEANINGS) == set(Event)
