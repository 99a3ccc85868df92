"""Phantoms as valid DICOM files with chosen metadata."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from io import BytesIO

import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.dataset import FileDataset, FileMetaDataset

from ml.imaging.phantom.ct import chest_ct
from ml.imaging.phantom.xray import chest_xray

_CLASSES = {
    "CR": uid.ComputedRadiographyImageStorage,
    "DX": uid.DigitalXRayImageStorageForPresentation,
    "CT": uid.CTImageStorage,
}
_XRAY_BITS = 12
_CT_INTERCEPT = -1024
_NOON = datetime(2024, 1, 1, 12)  # noqa: DTZ001 - DICOM times have no zone


def _identifier(*parts: object) -> str:
    """A valid UID that is the same for the same parts (2.25 and 120 bits of their hash)."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def _meta(storage: str, instance: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = uid.UID(storage)
    meta.MediaStorageSOPInstanceUID = uid.UID(instance)
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    return meta


def _set_pixels(dataset: FileDataset, stored: npt.NDArray[np.uint16], bits: int) -> None:
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel = 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = 0
    dataset.PixelData = stored.astype("<u2").tobytes()


def _set_xray(dataset: FileDataset, side: int, seed: int, opacities: int) -> None:
    grey = chest_xray(side, side, seed=seed, opacities=opacities)
    top = (1 << _XRAY_BITS) - 1
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = 1 - grey
        dataset.PresentationLUTShape = "INVERSE"
    _set_pixels(dataset, np.rint(grey * top).astype(np.uint16), _XRAY_BITS)
    dataset.ViewPosition = "PA"
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImagerPixelSpacing = [400 / side, 400 / side]
    dataset.WindowCenter, dataset.WindowWidth = (top + 1) / 2, top + 1


def _set_ct(dataset: FileDataset, side: int, seed: int, opacities: int) -> None:
    hounsfield = chest_ct(side, side, seed=seed, opacities=opacities)
    _set_pixels(dataset, (hounsfield - _CT_INTERCEPT).astype(np.uint16), 12)
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = (
        1,
        _CT_INTERCEPT,
        "HU",
    )
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [-190, -190, -5.0 * (dataset.InstanceNumber or 0)]
    dataset.SliceThickness = 5
    dataset.PixelSpacing = [380 / side, 380 / side]
    dataset.WindowCenter, dataset.WindowWidth = 40, 400


def phantom_dicom(
    modality_code: str = "DX",
    *,
    seed: int = 0,
    opacities: int = 0,
    side: int | None = None,
    patient_name: str = "Phantom^Synthetic",
    patient_id: str = "SYNTHETIC",
    birth_date: date | None = None,
    sex: str = "O",
    acquired_at: datetime | None = None,
    photometric: str = "MONOCHROME2",
    instance_number: int = 1,
    overrides: Mapping[str, object] | None = None,
) -> bytes:
    """A DICOM file of a phantom: "CR" and "DX" 12-bit X-rays, "CT" a slice in HU + 1024.

    `side` is in pixels (1024, CT 512). `overrides` sets attributes by keyword at the end;
    None deletes one.
    """
    storage = _CLASSES[modality_code]
    study = _identifier("study", patient_id, modality_code, acquired_at)
    instance = _identifier("instance", study, seed, opacities, instance_number)
    dataset = FileDataset("", {}, file_meta=_meta(storage, instance), preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = storage, instance
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = (
        study,
        _identifier("series", study),
    )
    dataset.Modality, dataset.BodyPartExamined = modality_code, "CHEST"
    dataset.PatientName, dataset.PatientID, dataset.PatientSex = (
        patient_name,
        patient_id,
        sex,
    )
    dataset.PatientBirthDate = f"{birth_date:%Y%m%d}" if birth_date else ""
    moment = acquired_at or _NOON
    dataset.StudyDate = dataset.AcquisitionDate = f"{moment:%Y%m%d}"
    dataset.StudyTime = dataset.AcquisitionTime = f"{moment:%H%M%S}"
    dataset.AccessionNumber, dataset.InstanceNumber = "", instance_number
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.SeriesDescription = "SYNTHETIC PHANTOM"
    dataset.BurnedInAnnotation = "YES"
    dataset.PhotometricInterpretation = photometric
    draw = _set_ct if modality_code == "CT" else _set_xray
    draw(dataset, side or (512 if modality_code == "CT" else 1024), seed, opacities)
    return _written(dataset, overrides or {})


def _written(dataset: FileDataset, overrides: Mapping[str, object]) -> bytes:
    for keyword, value in overrides.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()
