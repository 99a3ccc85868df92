"""Read what Keras 2 wrote into an .h5 file: the architecture as JSON and the weights, and nothing else.

HDF5 reads it inside a process of its own (ADR 0232).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ml.importing.refusal import ImportRefused

# VGG16 with its original head of 4096 units has 0.55 GB; this stops a small file that unfolds into terabytes.
LARGEST_WEIGHTS = 2 * 1024**3
# Keras writes nothing before it.
SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class StoredWeight:
    """One array, float32: the layer it belonged to by the name in the file, and the variable, such as kernel."""

    layer: str
    variable: str
    values: NDArray[np.float32]


@dataclass(frozen=True)
class LegacyFile:
    """`config` is the architecture as Keras 2 wrote it; `weights` by layer of the outermost network."""

    config: dict[str, Any]
    weights: Mapping[str, tuple[StoredWeight, ...]]


def read(held: IO[bytes], name: str) -> LegacyFile:
    """Read a whole model that Keras 2 saved; the file is called `name`. Raises ImportRefused for anything else."""
    if held.read(len(SIGNATURE)) != SIGNATURE:
        raise ImportRefused(f"{name} is no HDF5 file. Give the .h5 file that model.save() of Keras 2 wrote.")
    with sentences(name), h5py.File(held) as file:
        config = _config(name, file)
        return LegacyFile(config, _weights(name, file))


@contextmanager
def sentences(name: str) -> Iterator[None]:
    """What HDF5 says about a damaged file is for its programmers."""
    try:
        yield
    except ImportRefused:
        raise
    except (OSError, KeyError, RuntimeError, TypeError, ValueError, RecursionError) as error:
        raise ImportRefused(f"{name} is damaged or incomplete and cannot be read. Copy it again.") from error


def _config(name: str, file: h5py.File) -> dict[str, Any]:
    if _text(file.attrs.get("keras_version", "")).startswith("3."):
        raise ImportRefused(f"{name} was written by Keras 3; this command reads files of Keras 2.")
    if "model_config" not in file.attrs:
        raise ImportRefused(
            f"{name} holds no architecture, perhaps weights only. Save the whole model with model.save() "
            "where it was trained, and import that file."
        )
    config = json.loads(_text(file.attrs["model_config"]))
    if not isinstance(config, dict):
        raise ImportRefused(f"The architecture in {name} is no description of a network.")
    return config


def _weights(name: str, file: h5py.File) -> dict[str, tuple[StoredWeight, ...]]:
    stored = file["model_weights"]
    left = LARGEST_WEIGHTS
    weights: dict[str, tuple[StoredWeight, ...]] = {}
    for layer in _names(stored, "layer_names"):
        datasets = [(weight, stored[layer][weight]) for weight in _names(stored[layer], "weight_names")]
        left -= sum(_size(name, dataset) for _, dataset in datasets)
        if left < 0:
            raise ImportRefused(f"{name} declares more than 2 GiB of weights.")
        weights[layer] = tuple(_stored(weight, dataset) for weight, dataset in datasets)
    return weights


def _size(name: str, dataset: Any) -> int:
    """Bytes as float32. What lies in other files is HDF5, but no weights of this network."""
    outside = not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual
    if outside or dataset.dtype.kind != "f":
        raise ImportRefused(f"{name} holds something else than numbers where its weights should be.")
    return int(dataset.size) * 4


def _stored(name: str, dataset: h5py.Dataset) -> StoredWeight:
    """The name is layer/variable:0, and DenseNet's layers have strokes in their own names."""
    layer, _, variable = name.rpartition("/")
    return StoredWeight(layer, variable.split(":")[0], np.asarray(dataset, dtype=np.float32))


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names, which Keras cuts into attribute0, attribute1 and so on where HDF5 finds it too long."""
    if attribute in group.attrs:
        return [_text(name) for name in group.attrs[attribute]]
    names: list[str] = []
    part = 0
    while f"{attribute}{part}" in group.attrs:
        names += [_text(name) for name in group.attrs[f"{attribute}{part}"]]
        part += 1
    if part == 0:
        raise KeyError(attribute)
    return names


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
