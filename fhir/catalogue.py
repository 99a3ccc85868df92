"""Every type of resource that this server knows."""

from __future__ import annotations

from fhir.kinds import Kind
from fhir.resources.audit_events import AUDIT_EVENT
from fhir.resources.devices import DEVICE
from fhir.resources.imaging import IMAGING_STUDY
from fhir.resources.orders import SERVICE_REQUEST
from fhir.resources.patients import PATIENT
from fhir.resources.provenance import PROVENANCE
from fhir.resources.reports import DIAGNOSTIC_REPORT
from fhir.resources.results import OBSERVATION

KINDS: dict[str, Kind] = {
    one.name: one
    for one in (
        *(PATIENT, SERVICE_REQUEST, IMAGING_STUDY, DIAGNOSTIC_REPORT),
        *(OBSERVATION, DEVICE, PROVENANCE, AUDIT_EVENT),
    )
}
