from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train and to import")
from ml.importing.refusal import ImportRefused
from tests.unit.ml.keras2.files import Stored, flat, read_here, stored_flat, weights


@pytest.fixture
def stored() -> Stored:
    return stored_flat(weights(), flat([2], "softmax"))


def test_architecture_and_weights_are_read(stored: Stored, tmp_path: Path) -> None:
    file = read_here(stored.write(tmp_path / "network.h5"))
    assert file.config == stored.config
    names = [(weight.layer, weight.variable) for weight in file.weights["block1/norm"]]
    assert names == [("block1/norm", key) for key in ("gamma", "beta", "moving_mean", "moving_variance")]
    assert np.array_equal(file.weights["dense_1"][0].values, stored.groups["dense_1"][0][1])


def test_names_in_several_attributes_are_joined(stored: Stored, tmp_path: Path) -> None:
    """Keras 2 cut lists of names that HDF5 found too long."""
    whole = read_here(stored.write(tmp_path / "whole.h5"))
    stored.names_in_parts = True
    parts = read_here(stored.write(tmp_path / "parts.h5"))
    assert list(parts.weights) == list(whole.weights)
    assert len(parts.weights["block1/norm"]) == 4


def test_attributes_as_bytes_are_read(stored: Stored, tmp_path: Path) -> None:
    path = stored.write(tmp_path / "network.h5")
    with h5py.File(path, "r+") as file:
        for name in ("model_config", "keras_version"):
            file.attrs[name] = np.bytes_(file.attrs[name].encode())
    assert read_here(path).config == stored.config


def test_what_is_no_hdf5_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.h5"
    path.write_bytes(b"PK\x03\x04 a zip file")
    with pytest.raises(ImportRefused, match="is no HDF5 file"):
        read_here(path)


def test_weights_only_are_refused_with_what_to_do(stored: Stored, tmp_path: Path) -> None:
    path = stored.write(tmp_path / "network.h5")
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
    with pytest.raises(ImportRefused, match=r"weights only.*model\.save"):
        read_here(path)


def test_a_file_of_keras_3_is_refused(stored: Stored, tmp_path: Path) -> None:
    stored.attributes["keras_version"] = "3.4.1"
    with pytest.raises(ImportRefused, match="Keras 3"):
        read_here(stored.write(tmp_path / "network.h5"))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_file_is_refused(stored: Stored, tmp_path: Path, share: float) -> None:
    path = stored.write(tmp_path / "network.h5")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ImportRefused, match="damaged or incomplete"):
        read_here(path)


def test_missing_weights_are_refused(stored: Stored, tmp_path: Path) -> None:
    path = stored.write(tmp_path / "network.h5")
    with h5py.File(path, "r+") as file:
        del file["model_weights/dense_1/dense_1/bias:0"]
    with pytest.raises(ImportRefused, match="damaged or incomplete"):
        read_here(path)


@pytest.mark.parametrize("text", ["{", "[1, 2]", "[" * 100_000])
def test_an_architecture_that_is_no_description_is_refused(stored: Stored, tmp_path: Path, text: str) -> None:
    path = stored.write(tmp_path / "network.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = text
    with pytest.raises(ImportRefused, match=r"damaged|no description"):
        read_here(path)


def test_weights_behind_a_link_to_another_file_are_refused(stored: Stored, tmp_path: Path) -> None:
    path, other = stored.write(tmp_path / "network.h5"), tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = np.zeros((392, 2), dtype=np.float32)
    with h5py.File(path, "r+") as file:
        del file["model_weights/dense_1/dense_1/kernel:0"]
        file["model_weights/dense_1/dense_1/kernel:0"] = h5py.ExternalLink(other, "secret")
    with pytest.raises(ImportRefused, match="damaged"):
        read_here(path)


@pytest.mark.parametrize("way", ["external", "virtual"])
def test_weights_that_lie_in_another_file_are_refused(stored: Stored, tmp_path: Path, way: str) -> None:
    path, other = stored.write(tmp_path / "network.h5"), tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = np.zeros((392, 2), dtype=np.float32)
    with h5py.File(path, "r+") as file:
        group = file["model_weights/dense_1/dense_1"]
        del group["kernel:0"]
        if way == "external":
            group.create_dataset("kernel:0", (392, 2), "f4", external=[(other, 0, 392 * 2 * 4)])
        else:
            layout = h5py.VirtualLayout((392, 2), "f4")
            layout[:] = h5py.VirtualSource(other, "secret", (392, 2))
            group.create_virtual_dataset("kernel:0", layout)
    with pytest.raises(ImportRefused, match="something else than numbers"):
        read_here(path)


def test_a_small_file_that_unfolds_into_terabytes_is_refused(stored: Stored, tmp_path: Path) -> None:
    path = stored.write(tmp_path / "network.h5")
    with h5py.File(path, "r+") as file:
        group = file["model_weights/dense_1/dense_1"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", shape=(1_000_000, 1_000_000), dtype="f4", chunks=True, compression="gzip")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ImportRefused, match="more than 2 GiB"):
        read_here(path)
