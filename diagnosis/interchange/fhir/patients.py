"""A patient's record as Patient."""

from __future__ import annotations

from diagnosis.interchange.fhir.elements import Link, Resource, urn, without_empty
from diagnosis.models import Patient
from diagnosis.models.patient import Sex

GENDERS = {Sex.FEMALE: "female", Sex.MALE: "male", Sex.OTHER: "other", Sex.UNKNOWN: "unknown"}


def patient(row: Patient, *, link: Link) -> Resource:
    """A record that was merged into another names it, and is not in use any more."""
    number = {"system": urn(row.clinic_id), "value": row.medical_record_number}
    merged = [{"other": link("Patient", row.merged_into_id), "type": "replaced-by"}] if row.merged_into_id else []
    return without_empty(
        {
            "resourceType": "Patient",
            "id": str(row.pk),
            "identifier": [number | {"assigner": {"display": str(row.clinic)}}],
            "active": row.merged_into_id is None,
            "name": [without_empty({"family": row.family_name, "given": [row.given_name] if row.given_name else []})],
            "gender": GENDERS[Sex(row.sex)],
            "birthDate": row.birth_date.isoformat() if row.birth_date else "",
            "link": merged,
        }
    )
