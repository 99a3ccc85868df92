"""A study as ImagingStudy."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from diagnosis.interchange.fhir.elements import (
    DCM,
    DICOM_UID,
    IDENTIFIER_TYPE,
    Link,
    Resource,
    coding,
    concept,
    examined,
    urn,
    without_empty,
)
from diagnosis.interchange.uids import own_or_made
from diagnosis.models import Series, Study
from diagnosis.models.modality import Modality

MODALITIES = {Modality.CXR: ("DX", "Digital Radiography"), Modality.CT: ("CT", "Computed Tomography")}


PRIOR = (
    "Prior, fetched from the archive %s to be compared with: it is neither analysed by itself nor waiting to be read."
)


def source(prior: Study) -> str:
    """A URI of the archive: its AE title within the clinic, because another clinic may call another archive so."""
    return f"{urn(prior.clinic_id)}#{quote(prior.fetched_from, safe='')}"


def imaging_study(
    row: Study, counts: Mapping[uuid.UUID, int], *, link: Link, based_on: Sequence[Resource] = ()
) -> Resource:
    """`counts`: images by the key of their series. `based_on`: references to the orders that it answers."""
    series = [_series(one, row, counts[one.pk]) for one in row.series.all() if counts.get(one.pk)]
    return without_empty(
        {
            "resourceType": "ImagingStudy",
            "id": str(row.pk),
            "meta": {"source": source(row)} if row.is_prior else {},
            "identifier": _identifiers(row),
            "status": "available",
            "modality": [_modality(row)],
            "subject": link("Patient", row.patient_id),
            "started": examined(row),
            "basedOn": list(based_on),
            "referrer": {"display": row.referring_physician} if row.referring_physician else {},
            "reasonCode": [{"text": row.clinical_question}] if row.clinical_question else [],
            "description": row.description,
            "note": [{"text": PRIOR % row.fetched_from}] if row.is_prior else [],
            "numberOfSeries": len(series),
            "numberOfInstances": sum(one["numberOfInstances"] for one in series),
            "series": series,
        }
    )


def _identifiers(row: Study) -> list[Resource]:
    own = {"system": DICOM_UID, "value": f"urn:oid:{own_or_made(row.study_instance_uid, row.pk)}"}
    accession = {
        "type": concept(IDENTIFIER_TYPE, "ACSN", "Accession ID"),
        "system": urn(row.clinic_id),
        "value": row.accession_number,
    }
    return [own, accession] if row.accession_number else [own]


def _series(one: Series, study: Study, count: int) -> Resource:
    return without_empty(
        {
            "uid": own_or_made(one.series_instance_uid, one.pk),
            "number": one.number if one.number is not None and one.number >= 0 else None,
            "modality": _modality(study),
            "description": one.description,
            "numberOfInstances": count,
        }
    )


def _modality(study: Study) -> Resource:
    return coding(DCM, *MODALITIES[Modality(study.modality)])
