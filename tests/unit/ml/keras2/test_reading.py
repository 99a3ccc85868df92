"""What a process that is shut in reads of an .h5 file is what the file holds; what else it may say is not believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ml.importing.refusal import ImportRefused
from ml.keras2 import reading
from ml.keras2.parcel import pack, unpack
from ml.keras2.reading import read
from tests.unit.ml.keras2.files import Stored, flat, read_here, stored_flat, weights


@pytest.fixture
def stored() -> Stored:
    return stored_flat(weights(), flat([2], "softmax"))


def test_it_is_what_this_process_would_read(stored: Stored, tmp_path: Path) -> None:
    path = stored.write(tmp_path / "network.h5")
    here, there = read_here(path), read(path)
    assert there.config == here.config
    assert list(there.weights) == list(here.weights)
    for name, expected in here.weights.items():
        for one, other in zip(there.weights[name], expected, strict=True):
            assert (one.layer, one.variable) == (other.layer, other.variable)
            np.testing.assert_array_equal(one.values, other.values)


def test_what_is_compressed_is_read(stored: Stored, tmp_path: Path) -> None:
    path = stored.write(tmp_path / "network.h5")
    with h5py.File(path, "r+") as file:
        group = file["model_weights/dense_1/dense_1"]
        values = group["kernel:0"][:].astype(np.float64)
        del group["kernel:0"]
        group.create_dataset("kernel:0", data=values, chunks=True, compression="gzip", shuffle=True, fletcher32=True)
    np.testing.assert_array_equal(read(path).weights["dense_1"][0].values, values.astype(np.float32))


def test_refusals_come_through(stored: Stored, tmp_path: Path) -> None:
    path = stored.write(tmp_path / "network.h5")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ImportRefused, match=r"network\.h5 is damaged or incomplete"):
        read(path)
    with pytest.raises(FileNotFoundError, match=r"lost\.h5"):
        read(tmp_path / "lost.h5")


def test_what_takes_too_long_is_stopped(stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    with pytest.raises(ImportRefused, match=r"network\.h5 took longer than 0 seconds"):
        read(stored.write(tmp_path / "network.h5"))


def one_weight(*shape: Any) -> bytes:
    return json.dumps({"config": {}, "weights": {"a": [["a", "kernel", shape]]}}).encode()


LIES = {
    "no JSON": (b"{", b""),
    "nothing": (b"{}", b""),
    "no network": (b'{"config": 3, "weights": {}}', b""),
    "deep": (b"[" * 100_000, b""),
    "more weights than named": (one_weight(1), bytes(8)),
    "fewer weights than named": (one_weight(3), bytes(8)),
    "no whole number": (one_weight(1), bytes(6)),
    "a negative size": (one_weight(-2), bytes(8)),
    "no size": (one_weight("two"), bytes(8)),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_makes_no_file_is_refused(lie: str) -> None:
    with pytest.raises(ImportRefused):
        unpack(*LIES[lie], "network.h5")


def test_what_is_packed_is_unpacked(stored: Stored, tmp_path: Path) -> None:
    path = stored.write(tmp_path / "network.h5")
    assert pack(unpack(*pack(read_here(path)), path.name)) == pack(read_here(path))
