"""Where programs ask, and no people: such addresses answer in data, not in pages."""

from __future__ import annotations

FHIR = "/fhir/"
ROOTS = ("/api/", FHIR)
# Of the programs that called the system before this one: only these very addresses.
SEND_BASE64, UPLOAD = PREDECESSOR = ("/sendbase64", "/upload")
