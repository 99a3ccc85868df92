"""Reads an .h5 file in a process that is shut in: `python -m ml.keras2.inside OPTIONS`, for `ml.keras2.reading`."""

from io import BytesIO
from typing import IO, Any

import h5py

from ml.importing.inside import Answer, answer_once
from ml.keras2 import hdf5
from ml.keras2.parcel import pack


def read(wanted: dict[str, Any], file: IO[bytes]) -> Answer:
    """What Keras 2 wrote. Raises ImportRefused as `ml.keras2.hdf5` does."""
    return {}, *pack(hdf5.read(file, wanted["name"]))


def preload() -> None:
    """Go the way once: what h5py loads late is there then."""
    with h5py.File(BytesIO(), "w") as file:
        file.attrs["text"] = "x"
        file.create_dataset("values", data=[1.0], chunks=True, compression="gzip")[:]


if __name__ == "__main__":
    preload()
    answer_once(read)
