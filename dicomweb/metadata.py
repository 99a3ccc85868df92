"""What an image's file says, as DICOM JSON: read once in the decoder that is shut in, and kept beside the renditions.

Who the person is, where the image belongs, and when and for whom it was made, is what the record says, as in searches:
a person may have corrected what the file says. What the record has no word on, such as the person's address and other
numbers, is left out: it may be somebody else's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from diagnosis.models import Scan, Study
from diagnosis.scans import intake
from diagnosis.scans.rendition import keep
from dicomweb.attributes import Attributes, examination_attributes, patient_attributes, value

# Part of the file's name: raise it when the same original would give other elements.
RECIPE = 1
# Of the person: patient, subject of a trial, and visit (PS3.6), whatever sequence they stand in. Beside them the
# reference to the patient as an object, and the values that another system replaced.
OF_PERSON = ("0010", "0012", "0038")
POINTS_TO_PERSON = frozenset({"00081120", "04000561"})


def metadata(scan: Scan, study: Study | None = None) -> Attributes:
    """`study`: the row by which searches know the study of this UID; the image's own where it is not said.

    Raises FileRefused, IntakeUnavailable, and OSError when the original cannot be read.
    """
    of_record = {**_where(scan), **examination_attributes(study or scan.study), **patient_attributes(scan.patient)}
    return {**_without_person(_of_file(scan)), **of_record}


def syntax_of(scan: Scan) -> str:
    """The transfer syntax in which it is stored. Raises as `metadata` does."""
    return str(_of_file(scan)["00083002"]["Value"][0])


def _where(scan: Scan) -> Attributes:
    return {
        "0020000D": value("UI", scan.study.study_instance_uid),
        "0020000E": value("UI", scan.series.series_instance_uid),
        "00080018": value("UI", scan.sop_instance_uid),
    }


def _without_person(told: Mapping[str, Any]) -> dict[str, Any]:
    kept = {tag: element for tag, element in told.items() if not _tells_of_person(tag)}
    return {tag: _inside(element) for tag, element in kept.items()}


def _tells_of_person(tag: str) -> bool:
    return tag.startswith(OF_PERSON) or tag in POINTS_TO_PERSON


def _inside(element: dict[str, Any]) -> dict[str, Any]:
    if element.get("vr") != "SQ":
        return element
    return element | {"Value": [_without_person(item) for item in element.get("Value", [])]}


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
