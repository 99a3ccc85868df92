"""Resources side by side in a file, for a reader that takes what it knows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from diagnosis.interchange.fhir.elements import Resource, instant, urn


def collection(resources: Iterable[Resource], *, at: datetime) -> Resource:
    """They point at each other by `urn:uuid:` and their keys here (`elements.by_urn`)."""
    entries = [{"fullUrl": urn(one["id"]), "resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": instant(at), "entry": entries}
