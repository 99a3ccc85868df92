"""An entry as the audit message of DICOM PS3.15 A.5."""

from __future__ import annotations

import uuid
from xml.etree import ElementTree as ET

from audit.models import AuditEvent
from audit.vocabulary import MEANINGS, Event, parts_of

IP_ADDRESS = "2"
PERSON, SYSTEM_OBJECT = "1", "2"
PATIENT, REPORT, RESOURCE, QUERY = "1", "3", "4", "24"
# RFC 3881: what a key of an object is.
PATIENT_NUMBER, REPORT_NUMBER, URI = ("2", "Patient Number"), ("9", "Report Number"), ("12", "URI")
WEB_SERVER = "3"


def message(event: AuditEvent, *, site: str) -> str:
    """One XML document on one line; `site` says which portal wrote it. Keys only: no name of anybody."""
    root = ET.Element("AuditMessage")
    _identification(root, event)
    _participant(root, event)
    source = ET.SubElement(root, "AuditSourceIdentification", AuditSourceID=site)
    ET.SubElement(source, "AuditSourceTypeCode", {"csd-code": WEB_SERVER})
    for key in filter(None, (event.patient, *map(uuid.UUID, event.patients.split()))):
        _object(root, str(key), PERSON, PATIENT, PATIENT_NUMBER, "patient")
    if event.object_type and event.object_type != "diagnosis.patient":
        _object(root, event.object_id or event.object_type, SYSTEM_OBJECT, *_role(event), event.object_type)
    return ET.tostring(root, encoding="unicode")


def _identification(root: ET.Element, event: AuditEvent) -> None:
    told = {
        "EventActionCode": event.action,
        "EventDateTime": event.at.isoformat(),
        "EventOutcomeIndicator": event.outcome,
    }
    element = ET.SubElement(root, "EventIdentification", told)
    kind, subtype = parts_of(Event(event.event))
    _code(element, "EventID", (kind, MEANINGS[kind]), "DCM")
    if subtype:
        _code(element, "EventTypeCode", (subtype, MEANINGS[subtype]), "DCM")


def _participant(root: ET.Element, event: AuditEvent) -> None:
    told = {"UserID": str(event.person) if event.person else event.login or "anonymous", "UserIsRequestor": "true"}
    if event.address:
        told |= {"NetworkAccessPointID": event.address, "NetworkAccessPointTypeCode": IP_ADDRESS}
    ET.SubElement(root, "ActiveParticipant", told)


def _role(event: AuditEvent) -> tuple[str, tuple[str, str]]:
    if event.object_type.startswith("list of "):
        return QUERY, URI
    return (REPORT, REPORT_NUMBER) if event.object_type == "diagnosis.report" else (RESOURCE, URI)


def _object(root: ET.Element, key: str, kind: str, role: str, code: tuple[str, str], name: str) -> None:
    told = {
        "ParticipantObjectID": key,
        "ParticipantObjectTypeCode": kind,
        "ParticipantObjectTypeCodeRole": role,
    }
    element = ET.SubElement(root, "ParticipantObjectIdentification", told)
    _code(element, "ParticipantObjectIDTypeCode", code, "RFC-3881")
    ET.SubElement(element, "ParticipantObjectName").text = name


def _code(parent: ET.Element, tag: str, code: tuple[str, str], system: str) -> None:
    ET.SubElement(parent, tag, {"csd-code": str(code[0]), "codeSystemName": system, "originalText": code[1]})
