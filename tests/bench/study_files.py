"""Examinations to send: real CT slices where there are any, else phantoms, multiplied into studies of any size.

Every file has UIDs of its own and pixels of its own, so that no image is taken for another one sent before.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1, generate_uid

from tests.bench.study_jpeg import encoded
from tests.chest_images import chest_folder

XRAY_SIDE = 1444  # 2.09 megapixels
VIEWS = ("PA", "LL")  # the frontal one first
SERIES = "dicom/ct-series-covid"
# What the record of a demonstration patient cannot disagree with.
NAMELESS: dict[str, Any] = {"patient_name": "", "patient_id": ""}


@dataclass(frozen=True)
class File:
    name: str
    data: bytes


def ct_study(count: int) -> list[File]:
    """A study of one axial series with `count` slices, from one end of the chest to the other."""
    study, series = generate_uid(), generate_uid()
    sources = _slices()
    if not sources:
        return [_phantom_slice(study, series, number) for number in range(1, count + 1)]
    # Equal steps, half a step from both ends: a single slice is the middle one.
    chosen = [sources[(2 * number + 1) * len(sources) // (2 * count)] for number in range(count)]
    return [_slice(path, study, series, number) for number, path in enumerate(chosen, 1)]


def xray_study() -> list[File]:
    """A chest in two views, the frontal one first."""
    from ml.imaging.phantom import phantom_dicom

    study = generate_uid()
    return [
        File(
            view,
            phantom_dicom(
                "DX",
                side=XRAY_SIDE,
                seed=secrets.randbelow(1_000_000),
                **NAMELESS,
                overrides=_uids(study, generate_uid()) | {"ViewPosition": view},
            ),
        )
        for view in VIEWS
    ]


def said_of_slices() -> str:
    return "real CT slices" if _slices() else "phantoms of CT slices, because there are no real ones here"


@cache
def _slices() -> list[Path]:
    return sorted((chest_folder() / SERIES).glob("*.dcm"))


def _uids(study: str, series: str) -> dict[str, object]:
    return {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": generate_uid()}


def _slice(path: Path, study: str, series: str, number: int) -> File:
    """The slice at `path` as another image, compressed as it was."""
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array.copy()
    pixels[0, :16] ^= np.frombuffer(secrets.token_bytes(16), np.uint8) & 7  # in the air, a few units of the scale
    dataset.PixelData = encapsulate([encoded(pixels, bits=dataset.BitsStored)])
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    for keyword, value in _uids(study, series).items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    _belongs_to_nobody(dataset)
    dataset.InstanceNumber = number
    dataset.ImagePositionPatient = [*dataset.ImagePositionPatient[:2], -1.0 * number]
    return File(f"IM{number:04}", _written(dataset))


def _belongs_to_nobody(dataset: Dataset) -> None:
    dataset.PatientName = dataset.PatientID = dataset.PatientBirthDate = ""


def _written(dataset: Dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _phantom_slice(study: str, series: str, number: int) -> File:
    from ml.imaging.phantom import phantom_dicom

    drawn = phantom_dicom("CT", seed=number, instance_number=number, **NAMELESS, overrides=_uids(study, series))
    return File(f"IM{number:04}", drawn)


def archive(files: Sequence[File]) -> bytes:
    """A zip archive of them. The files are compressed already, as those of a scanner often are."""
    from tests.archives import packed

    return packed(*((file.name, file.data) for file in files))


def total(files: Sequence[File]) -> int:
    return sum(len(file.data) for file in files)
