"""Demonstration scans: schematic chests, drawn by formulas, marked SYNTHETIC. No person was imaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Patient, Scan
from diagnosis.models.scan import Modality
from ml.imaging import render_png
from ml.imaging.admission import MODALITIES
from ml.imaging.phantom import chest_xray, phantom_dicom
from portal.demo.patients import PEOPLE, Person


@dataclass(frozen=True)
class Drawing:
    """One file to be drawn: `code` is png for an X-ray, or a DICOM modality that is admitted."""

    person: Person
    code: str
    seed: int
    opacities: int
    photometric: str = "MONOCHROME2"

    @property
    def file_name(self) -> str:
        suffix = "png" if self.code == "png" else "dcm"
        return f"{'xray' if self.modality is Modality.CXR else self.modality.value}-{self.seed:02}.{suffix}"

    @property
    def modality(self) -> Modality:
        return Modality(MODALITIES[self.code].value) if self.code in MODALITIES else Modality.CXR

    def draw(self) -> bytes:
        if self.code == "png":
            return render_png(chest_xray(1280, 1024, seed=self.seed, opacities=self.opacities))
        return phantom_dicom(
            self.code,
            seed=self.seed,
            opacities=self.opacities,
            photometric=self.photometric,
            patient_name=self.person.dicom_name,
            patient_id=self.person.number,
            birth_date=self.person.birth_date,
            sex=self.person.sex.value,
            acquired_at=datetime(2026, 1, self.seed, 9, 30),  # noqa: DTZ001  DICOM times are local
        )


DRAWINGS = (
    Drawing(PEOPLE[0], "png", 1, 0),
    Drawing(PEOPLE[0], "png", 2, 3),
    Drawing(PEOPLE[1], "DX", 3, 0),
    Drawing(PEOPLE[2], "png", 4, 5),
    Drawing(PEOPLE[2], "CR", 5, 2, photometric="MONOCHROME1"),
    Drawing(PEOPLE[3], "png", 6, 1),
    Drawing(PEOPLE[3], "CT", 7, 4),
    Drawing(PEOPLE[4], "png", 8, 0),
    Drawing(PEOPLE[5], "DX", 9, 6),
    Drawing(PEOPLE[5], "CT", 10, 0),
)


def ensure_scans(patients: Mapping[str, Patient], *, by: User) -> Iterator[Scan]:
    """Every drawing as a scan, one at a time; what was uploaded in an earlier run is not drawn again."""
    for drawing in DRAWINGS:
        patient = patients[drawing.person.number]
        known = Scan.objects.filter(patient=patient, original_name=drawing.file_name).first()
        yield known or _upload(drawing, patient, by)


def _upload(drawing: Drawing, patient: Patient, by: User) -> Scan:
    done = upload_scan(by=by, patient=patient, data=drawing.draw(), name=drawing.file_name, modality=drawing.modality)
    return done.scan
