"""What several resources share: references, codes, identifiers and times."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils.timezone import localtime

from diagnosis.models import Study
from diagnosis.rules.classifiers import Stop

Resource = dict[str, Any]
# From a type and a key to a reference.
Link = Callable[[str, object], Resource]

DCM, LOINC = "http://dicom.nema.org/resources/ontology/DCM", "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
DICOM_UID = "urn:dicom:uid"
_HL7 = "http://terminology.hl7.org/CodeSystem"
IDENTIFIER_TYPE, SECTION = f"{_HL7}/v2-0203", f"{_HL7}/v2-0074"
INTERPRETATION, OBSERVATION_CATEGORY = f"{_HL7}/v3-ObservationInterpretation", f"{_HL7}/observation-category"
PARTICIPANT = f"{_HL7}/provenance-participant-type"
# Keys of resources that are no row of their own here, and the system of codes and names that are the portal's own.
NAMESPACE = uuid.UUID("8f3f9dd2-6d0c-4f0f-9a55-3c3c1c0f9b1e")
OWN = f"urn:uuid:{NAMESPACE}"
STOPPED = "classifier-stopped"


def urn(key: object) -> str:
    return f"urn:uuid:{key}"


def by_urn(kind: str, key: object) -> Resource:
    """A reference inside one bundle."""
    return {"reference": urn(key)}


def relative(kind: str, key: object) -> Resource:
    """A reference on one server."""
    return {"reference": f"{kind}/{key}"}


def coding(system: str, code: str, display: str) -> Resource:
    return {"system": system, "code": code, "display": display}


def concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [coding(system, code, display)]}


def instant(when: datetime) -> str:
    return when.isoformat()


def examined(study: Study) -> str:
    """When it was made, with the hour where it is known; empty where nobody says so."""
    if study.examined_at is None:
        return ""
    return instant(study.examined_at) if study.time_is_known else localtime(study.examined_at).date().isoformat()


def stopped_tag(stops: Sequence[Stop]) -> Resource:
    """For `meta`: that a classifier was stopped since, so that a program need not read the words; empty where none."""
    return {"tag": [coding(OWN, STOPPED, "A classifier that answered was stopped since")]} if stops else {}


def stop_sentences(stops: Iterable[Stop]) -> list[str]:
    return [
        f"{one.name} was stopped on {instant(one.at)}: “{one.because}” It helped to give this result." for one in stops
    ]


def without_empty(resource: Resource) -> Resource:
    """Without what has no value: R4 knows no null, no empty text and no empty list."""
    return {name: value for name, value in resource.items() if value not in (None, "", [], {})}
