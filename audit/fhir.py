"""An entry as FHIR R4 AuditEvent."""

from __future__ import annotations

import uuid
from typing import Any

from audit.models import AuditEvent
from audit.vocabulary import MEANINGS, Event, parts_of

DCM = "http://dicom.nema.org/resources/ontology/DCM"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
PERSON, SYSTEM_OBJECT = ("1", "Person"), ("2", "System Object")
PATIENT, REPORT, RESOURCE, QUERY = ("1", "Patient"), ("3", "Report"), ("4", "Domain Resource"), ("24", "Query")
IP_ADDRESS = "2"


def resource(event: AuditEvent, *, site: str) -> dict[str, Any]:
    """JSON values of one AuditEvent; `site` says which portal wrote it. Keys only: no name of anybody."""
    kind, subtype = parts_of(Event(event.event))
    return {
        "resourceType": "AuditEvent",
        "id": f"{event.chain}.{event.position}",
        "type": _coding(DCM, (kind, MEANINGS[kind])),
        **({"subtype": [_coding(DCM, (subtype, MEANINGS[subtype]))]} if subtype else {}),
        "action": event.action,
        "recorded": event.at.isoformat(),
        "outcome": event.outcome,
        "agent": [_agent(event)],
        "source": {"observer": {"display": site}},
        **({"entity": entities} if (entities := _entities(event)) else {}),
    }


def _agent(event: AuditEvent) -> dict[str, Any]:
    who = {"identifier": {"value": str(event.person)}} if event.person else {"display": event.login or "anonymous"}
    network = {"network": {"address": event.address, "type": IP_ADDRESS}} if event.address else {}
    return {"who": who, "requestor": True, **network}


def _entities(event: AuditEvent) -> list[dict[str, Any]]:
    patients = [key for key in (event.patient, *map(uuid.UUID, event.patients.split())) if key]
    found = [_entity(str(key), PERSON, PATIENT) for key in patients]
    if event.object_type and event.object_type != "diagnosis.patient":
        object_ = _entity(event.object_id or event.object_type, SYSTEM_OBJECT, _role(event))
        found.append(object_ | {"description": event.object_type})
    return found


def _role(event: AuditEvent) -> tuple[str, str]:
    if event.object_type.startswith("list of "):
        return QUERY
    return REPORT if event.object_type == "diagnosis.report" else RESOURCE


def _entity(key: str, kind: tuple[str, str], role: tuple[str, str]) -> dict[str, Any]:
    what = {"identifier": {"value": key}}
    return {"what": what, "type": _coding(ENTITY_TYPE, kind), "role": _coding(OBJECT_ROLE, role)}


def _coding(system: str, coded: tuple[str, str]) -> dict[str, str]:
    return {"system": system, "code": str(coded[0]), "display": coded[1]}
