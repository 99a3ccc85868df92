"""Spoiled images and DICOM files into the intake, which decodes them in its contained helper."""

from __future__ import annotations

from functools import cache
from random import Random
from uuid import UUID

from diagnosis.errors import Refusal
from diagnosis.models.scan import Modality
from diagnosis.scans import intake
from diagnosis.scans.intake import FileRefused
from tests.fuzz.cases import Case, Outcome
from tests.fuzz.mutations import spoil
from tests.images import ct_dicom, xray_dicom, xray_jpeg, xray_png

PATIENT = UUID(int=7)
# What the intake says where the process that decoded was lost or killed for its time: contained, and still a fault.
LOST = {"decoder_crashed": Outcome.CRASH, "too_slow": Outcome.HANG}


@cache
def seeds() -> tuple[bytes, ...]:
    named = {"patient_name": "Berg^Alma", "patient_id": "MRN-0001"}
    return (
        *(xray_png(1), xray_jpeg(1), xray_dicom(seed=1), ct_dicom(seed=1), xray_dicom(**named, seed=2)),
        *(xray_dicom(photometric="MONOCHROME1"), xray_png(2)),
    )


def source(chance: Random) -> Case:
    data = spoil(chance.choice(seeds()), chance)
    chosen = chance.choice((None, *Modality))
    return Case("file", data, lambda: _taken_in(data, chosen))


def _taken_in(data: bytes, chosen: Modality | None) -> tuple[Outcome, str]:
    try:
        accepted = intake.accept(data, name="a.png", chosen=chosen, patient=PATIENT)
    except FileRefused as refused:
        code = str(refused.code)
        return LOST.get(code, Outcome.REFUSED), code
    except intake.IntakeUnavailable:
        raise
    except Refusal as refused:
        return Outcome.REFUSED, str(refused.code)
    return Outcome.ACCEPTED, accepted.inspection.format
