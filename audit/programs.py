"""Where programs ask, and no people: such addresses answer in data, not in pages."""

from __future__ import annotations

FHIR = "/fhir/"
ROOTS = ("/api/", FHIR)
