"""What this server can do, for programs: made from the same tables that answer."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings

from diagnosis.interchange.fhir.elements import Resource
from fhir.catalogue import KINDS
from fhir.kinds import Kind
from fhir.outcomes import MEDIA_TYPE
from fhir.resources.orders import SERVICE_REQUEST

# When this page of the server's abilities last changed.
DATE = date(2026, 11, 27)
TITLE = settings.SPECTACULAR_SETTINGS["TITLE"]
WRITING = ("create", "update")
SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def statement(base: str) -> Resource:
    """`base`: the address of the server. It says no version: everybody may read it."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE.isoformat(),
        "kind": "instance",
        "software": {"name": TITLE},
        "implementation": {"description": TITLE, "url": base},
        "fhirVersion": "4.0.1",
        "format": [MEDIA_TYPE, "json"],
        "rest": [{"mode": "server", "security": _security(), "resource": [_resource(one) for one in KINDS.values()]}],
    }


def _security() -> Resource:
    coding = {"system": SECURITY, "code": "OAuth", "display": "OAuth"}
    return {
        "service": [{"coding": [coding], "text": "A bearer token that a member of staff makes"}],
        "description": "Send a token of the portal as `Authorization: Bearer …`. It acts as one person in one clinic.",
    }


def _resource(kind: Kind) -> dict[str, Any]:
    is_written = kind is SERVICE_REQUEST
    includes = {"searchInclude": sorted(kind.includes)} if kind.includes else {}
    return {
        "type": kind.name,
        "interaction": [{"code": code} for code in ("read", "search-type", *(WRITING if is_written else ()))],
        "versioning": "versioned",
        "readHistory": False,
        **({"updateCreate": False, "conditionalCreate": True, "conditionalUpdate": True} if is_written else {}),
        "conditionalRead": "full-support",
        **includes,
        "searchParam": [{"name": name, "type": type_} for name, type_ in kind.parameters.items()],
    }
