"""What an image's file says, as DICOM JSON: read once in the decoder that is shut in, and kept beside the renditions.

Who the person is, and where the image belongs, is what the record says: a person may have corrected what the file says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings

from diagnosis.models import Patient, Scan
from diagnosis.scans import intake
from diagnosis.scans.rendition import keep
from dicomweb.attributes import Attributes, patient_attributes, value

# Part of the file's name: raise it when the same original would give other elements.
RECIPE = 1


def metadata(scan: Scan) -> Attributes:
    """Raises FileRefused, IntakeUnavailable, and OSError when the original cannot be read."""
    return {**_of_file(scan), **_where(scan), **_who(scan.patient)}


def syntax_of(scan: Scan) -> str:
    """The transfer syntax in which it is stored. Raises as `metadata` does."""
    return str(_of_file(scan)["00083002"]["Value"][0])


def _where(scan: Scan) -> Attributes:
    return {
        "0020000D": value("UI", scan.study.study_instance_uid),
        "0020000E": value("UI", scan.series.series_instance_uid),
        "00080018": value("UI", scan.sop_instance_uid),
    }


def _who(patient: Patient) -> Attributes:
    return patient_attributes(patient)


def _of_file(scan: Scan) -> dict[str, Any]:
    path = Path(settings.PRIVATE_ROOT, "renditions", scan.pk.hex[:2], f"{scan.pk.hex}-header-{RECIPE}.json")
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_bytes())
        return kept
    with scan.original.open("rb") as file:
        data = file.read()
    with intake.decoding() as decoder:
        told = decoder.describe(data, owner=str(scan.patient_id))
    keep(path, json.dumps(told).encode())
    return told
