"""Studies without names, as one ZIP file that `python -m ml` can train on: for research and teaching.

Files are made in the decoder that is shut in (`ml.imaging.deidentification`); here they are packed, and looked through
once more for what the portal knows of the person. A file that cannot be made, or in which that is found, is left out
and said.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from diagnosis.errors import FileRefused
from diagnosis.exports.archive import Archive
from diagnosis.exports.choice import images_of
from diagnosis.exports.labels import Label, label_of, signed_report
from diagnosis.exports.pseudonyms import pseudonym_of, stand_in
from diagnosis.models import Patient, Report, Scan, Study
from diagnosis.results import intended_use
from diagnosis.rules import blinding
from diagnosis.scans import intake
from ml.imaging.deidentification import METHODS, Deidentified
from ml.imaging.rendering import as_png

# Of what the ZIP file holds and how; raise it when a column changes its meaning.
FORMAT = 1
LICENCE = "none granted: for the stated purpose only"
COLUMNS = (
    *("path", "modality", "label", "source", "group", "protocol", "licence"),
    *("patient", "study", "series", "image", "role", "instance_number", "width", "height", "sha256", "dicom"),
    *("dicom_sha256", "category", "decision", "findings", "image_quality", "text_suspected"),
)
# A shorter word stands in a file by chance.
SHORTEST_WORD, SHORTEST_NUMBER = 5, 6


@dataclass
class Export:
    """What is made for whom. `allowed`: images that leave although text is suspected in them.

    `left_out`: pseudonym of an image → why (unreadable, text, named).
    """

    purpose: str
    by: User
    allowed: frozenset[UUID]
    rows: list[dict[str, object]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def stand_in(self, kind: str, key: object) -> str:
        return stand_in(self.purpose, kind, key)


def export_deidentified(studies: Collection[Study], *, by: User, purpose: str, allowed: Collection[UUID]) -> IO[bytes]:
    """The file, open at its beginning; whoever gets it closes it.

    Raises OSError when the disk is full and IntakeUnavailable where no file can be opened now.
    """
    archive = Archive(Path(settings.PRIVATE_ROOT))
    export = Export(purpose, by, frozenset(allowed))
    try:
        report_of = _reports(studies, by)
        for image in images_of(studies):
            _add(archive, export, image, label_of(image, report_of(image)))
        table = _manifest(export.rows)
        archive.add("manifest.csv", table)
        archive.add_json("dataset.json", _description(export, table))
        archive.add("README.txt", _read_me(export).encode())
        return archive.finish()
    except BaseException:
        archive.close()
        raise


def _reports(studies: Collection[Study], by: User) -> Callable[[Scan], Report | None]:
    """Of an image; none where `by` may not see the reading yet."""
    keys = [study.pk for study in studies]
    hidden = blinding.readings_hidden_among(by, keys)
    found = {study.pk: None if study.pk in hidden else signed_report(study) for study in studies}
    return lambda image: found[image.study_id]


def _add(archive: Archive, export: Export, image: Scan, label: Label) -> None:
    name = export.stand_in("I", image.pk)
    try:
        made = _made(image, export.purpose)
    except (OSError, FileRefused):
        export.left_out[name] = "unreadable"
        return
    if made.suspicions and image.pk not in export.allowed:
        export.left_out[name] = "text"
    elif _names_the_person(made, image):
        export.left_out[name] = "named"
    else:
        export.rows.append(_packed(archive, export, image, made) | asdict(label))


def _made(image: Scan, purpose: str) -> Deidentified:
    with image.original.open("rb") as file:
        data = file.read()
    with intake.decoding() as decoder:
        return decoder.deidentify(data, pseudonym_of(image, purpose), owner=str(image.patient_id))


def _names_the_person(made: Deidentified, image: Scan) -> bool:
    """Whether a word that the portal knows of the person stands in the new file, whatever a decoder has made of it."""
    return any(word in made.dicom for word in _words_of(image.patient, image))


def _words_of(patient: Patient, image: Scan) -> Iterator[bytes]:
    texts = (
        *(patient.family_name, patient.given_name, patient.medical_record_number, image.accession_number),
        *(image.study_instance_uid, image.series_instance_uid, image.sop_instance_uid),
    )
    for text in texts:
        if len(text) >= (SHORTEST_NUMBER if text.isdigit() else SHORTEST_WORD):
            yield from {text.encode(), text.upper().encode(), text.encode("latin-1", "replace")}


def _packed(archive: Archive, export: Export, image: Scan, made: Deidentified) -> dict[str, object]:
    patient, study = export.stand_in("P", image.patient_id), export.stand_in("S", image.study_id)
    name = export.stand_in("I", image.pk)
    path = f"images/{patient}/{study}/{name}.png"
    dicom = f"dicom/{patient}/{study}/{name}.dcm" if made.dicom else ""
    picture = as_png(made.greys)
    archive.add_file(path, io.BytesIO(picture))
    if dicom:
        archive.add(dicom, made.dicom)
    return {
        "path": path,
        "modality": image.modality,
        "source": export.stand_in("C", image.clinic_id),
        "group": patient,
        "licence": LICENCE,
        "patient": patient,
        "study": study,
        "series": export.stand_in("Q", image.series_id),
        "image": name,
        "role": image.role,
        "instance_number": image.instance_number,
        "width": made.greys.shape[1],
        "height": made.greys.shape[0],
        "sha256": hashlib.sha256(picture).hexdigest(),
        "dicom": dicom,
        "dicom_sha256": hashlib.sha256(made.dicom).hexdigest() if dicom else "",
        "text_suspected": ";".join(made.suspicions),
    }


def _manifest(rows: list[dict[str, object]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _description(export: Export, table: bytes) -> dict[str, object]:
    """`version`: the same for the same images with the same labels."""
    return {
        "format": FORMAT,
        "version": hashlib.sha256(table).hexdigest()[:16],
        "purpose": export.purpose,
        "exported_at": timezone.now(),
        "images": len(export.rows),
        "deidentification_methods": METHODS,
        "left_out": export.left_out,
        "split_by": "group",
    }


def _read_me(export: Export) -> str:
    reasons = list(export.left_out.values())
    context = {
        "export": export,
        "unreadable": reasons.count("unreadable"),
        "text": reasons.count("text"),
        "named": reasons.count("named"),
        "suspected": sum(bool(row["text_suspected"]) for row in export.rows),
        "methods": METHODS,
        "intended_use": intended_use.sentence(),
    }
    return render_to_string("diagnosis/export/deidentified.txt", context)
