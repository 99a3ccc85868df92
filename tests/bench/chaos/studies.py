"""The studies of a seed: chest X-rays, a few of two images, each with UIDs and pixels of its own."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from functools import cache
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.uid import UID

from ml.imaging.phantom import phantom_dicom
from tests.chest_images import chest_folder

X_RAYS = "dicom/chest-cr-dx"
SIDE = 512
BITS = 12
PEOPLE = 40
# One study in so many has two images, or is sent over the web.
OF_TWO, OVER_THE_WEB = 8, 5


@dataclass(frozen=True)
class Person:
    number: str
    family_name: str
    birth_date: date


@dataclass(frozen=True)
class Study:
    """`at`: seconds after the first one, when the modality begins to send it."""

    uid: str
    series: str
    instances: tuple[str, ...]
    person: Person
    at: float
    over_the_web: bool


def people() -> list[Person]:
    return [Person(f"CHAOS-{one:04}", f"Storm{one:04}", date(1950 + one, 1, 1)) for one in range(PEOPLE)]


def planned(seed: int, count: int, *, every: float) -> list[Study]:
    """The same for the same arguments; one begins `every` seconds on average."""
    rng, known = random.Random(seed), people()
    return [
        Study(
            uid=_uid(rng),
            series=_uid(rng),
            instances=tuple(_uid(rng) for _ in range(1 + (number % OF_TWO == OF_TWO - 1))),
            person=known[number % PEOPLE],
            at=(number + rng.random()) * every,
            over_the_web=number % OVER_THE_WEB == OVER_THE_WEB - 1,
        )
        for number in range(count)
    ]


def _uid(rng: random.Random) -> str:
    return f"2.25.{rng.getrandbits(120)}"


def files(study: Study) -> dict[str, bytes]:
    """The images of the study by their SOP Instance UID: the same bytes for the same study."""
    return {uid: _file(study, uid, number) for number, uid in enumerate(study.instances, 1)}


def _file(study: Study, uid: str, number: int) -> bytes:
    rng = np.random.default_rng(int(uid.rpartition(".")[2]))
    pictures = _pictures()
    pixels = pictures[rng.integers(len(pictures))].copy()
    pixels[0, :32] ^= rng.integers(0, 8, 32, dtype=np.uint16)  # no two images are the same one
    dataset = pydicom.dcmread(BytesIO(_drawn()))
    dataset.PatientID, dataset.PatientName = study.person.number, study.person.family_name
    dataset.PatientBirthDate, dataset.InstanceNumber = f"{study.person.birth_date:%Y%m%d}", number
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study.uid, study.series
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = pixels.astype("<u2").tobytes()
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


@cache
def _drawn() -> bytes:
    return phantom_dicom("DX", side=SIDE)


@cache
def _pictures() -> list[npt.NDArray[np.uint16]]:
    """Real X-rays where there are any, as 12 bits with bone bright; else the drawn one."""
    found = sorted((chest_folder() / X_RAYS).glob("*.dcm"))
    datasets = map(pydicom.dcmread, found) if found else [pydicom.dcmread(BytesIO(_drawn()))]
    return [_picture(dataset) for dataset in datasets]


def _picture(dataset: pydicom.FileDataset) -> npt.NDArray[np.uint16]:
    step = -(-max(dataset.Rows, dataset.Columns) // SIDE)
    grey = dataset.pixel_array[::step, ::step].astype(np.float32)
    grey = (grey - grey.min()) / (grey.max() - grey.min())
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = 1 - grey
    return np.rint(grey * ((1 << BITS) - 1)).astype(np.uint16)
