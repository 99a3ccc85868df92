"""CT studies to send: uncompressed slices of 512 by 512."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

SIDE = 512


def make_series(folder: Path, number: int, **values: object) -> list[Path]:
    """A few phantoms, repeated, each with a UID of its own; `values` of attributes by keyword."""
    from pydicom.uid import generate_uid

    from ml.imaging.phantom import phantom_dicom

    folder.mkdir()
    study, series = generate_uid(), generate_uid()
    drawn = [phantom_dicom("CT", side=SIDE, seed=seed) for seed in range(4)]
    files = []
    for index in range(number):
        path = folder / f"{index:04}.dcm"
        path.write_bytes(
            _with(
                drawn[index % 4],
                StudyInstanceUID=study,
                SeriesInstanceUID=series,
                InstanceNumber=index + 1,
                ImagePositionPatient=[0, 0, -index],
                **values,
            )
        )
        files.append(path)
    return files


def rename(files: list[Path]) -> None:
    """Make another study of them."""
    from pydicom.uid import generate_uid

    study, series = generate_uid(), generate_uid()
    for path in files:
        path.write_bytes(_with(path.read_bytes(), StudyInstanceUID=study, SeriesInstanceUID=series))


def _with(data: bytes, **values: object) -> bytes:
    import pydicom
    from pydicom.uid import generate_uid

    dataset = pydicom.dcmread(BytesIO(data))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for name, value in values.items():
        setattr(dataset, name, value)
    written = BytesIO()
    dataset.save_as(written)
    return written.getvalue()
