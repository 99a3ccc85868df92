"""Read an .h5 file without HDF5 coming near it in this process: another one, which is shut in, does (ADR 0232)."""

from pathlib import Path

from ml.importing.contained import Bounds, ask
from ml.keras2.hdf5 import LARGEST_WEIGHTS, LegacyFile
from ml.keras2.parcel import unpack

INSIDE = "ml.keras2.inside"
# One of 2 GiB takes 50 on two busy cores
SECONDS = 300.0
# Address space: the libraries, and the weights as they are read and in the answer
LIBRARIES, COPIES = 1024**3, 2
# Architecture and names, beside the weights
OTHERS = 64 * 1024**2


def read(path: Path) -> LegacyFile:
    """A whole model that Keras 2 saved. Raises FileNotFoundError, and ImportRefused for anything else."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file. Give the .h5 file that model.save() wrote.")
    bounds = Bounds(LIBRARIES + COPIES * LARGEST_WEIGHTS, SECONDS, LARGEST_WEIGHTS + OTHERS)
    _, told, values = ask(INSIDE, path, {"name": path.name}, bounds)
    return unpack(told, values, path.name)
