"""What training and measuring read of an image is what serving reads of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="Keras is only needed to train")
pytest.importorskip("openvino", reason="OpenVINO finds the lungs")

from ml.imaging.phantom import chest_xray
from ml.preprocessing import Pixels, Region, View
from ml.serving.lungs import crop
from ml.training.data import datasets
from ml.training.data.datasets import load_for, network_input, read_pixels, read_prepared
from ml.training.data.manifest import Row
from ml.training.measure.controls import black_out_lungs
from tests.unit.ml.training.rows import row

SIDE = 320


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    """Three X-rays with their lungs in the middle of a wide frame."""
    listed = [row(number) for number in range(3)]
    for number, each in enumerate(listed):
        path = tmp_path / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.rint(np.pad(chest_xray(SIDE, SIDE, seed=number), 30, constant_values=0.5) * 255)
        Image.fromarray(grey.astype(np.uint8)).save(path, "PNG")
    return listed


def test_training_reads_an_image_as_serving_does(tmp_path: Path, rows: list[Row]) -> None:
    images = load_for(tmp_path, rows, np.zeros(3, dtype=np.int64), size=(64, 48), recipe="cxr-3")
    for values, each in zip(network_input(images.grey, images.recipe), rows, strict=True):
        pixels = read_pixels(tmp_path / each.path)
        served = crop.prepare(pixels, (64, 48), "cxr-3")
        assert served.region != crop.find_region(pixels, "cxr-2")
        assert values == pytest.approx(served.values, abs=0.05)  # kept in 256 greys in between
        measured = read_prepared(tmp_path / each.path, (64, 48), "cxr-3")
        assert np.array_equal(measured.values, served.values)


def test_lungs_are_looked_for_once_however_many_sizes_are_read(
    tmp_path: Path, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counting(pixels: Pixels, recipe: str) -> View:
        asked.append(recipe)
        return View(Region(bottom=0.5)) if recipe == "cxr-3" else View()

    monkeypatch.setattr(datasets.crop, "find_view", counting)
    for side in (32, 64):
        load_for(tmp_path, rows, np.zeros(3, dtype=np.int64), size=(side, side), recipe="cxr-3")
    assert read_prepared(tmp_path / rows[0].path, (32, 32), "cxr-3").region == Region(bottom=0.5)
    assert asked == ["cxr-3"] * 3
    # Another recipe looks elsewhere
    assert read_prepared(tmp_path / rows[0].path, (32, 32), "cxr-2").region == Region()


def test_an_image_is_painted_over_within_its_own_crop(tmp_path: Path, rows: list[Row]) -> None:
    path = tmp_path / rows[0].path
    seen, blind = (read_prepared(path, (64, 64), "cxr-3", change) for change in (None, black_out_lungs))
    assert blind.region == seen.region
    assert not np.array_equal(blind.values, seen.values)


def test_lungs_are_mirrored_with_their_image(tmp_path: Path, rows: list[Row]) -> None:
    images = load_for(tmp_path, rows, np.zeros(3, dtype=np.int64), size=(64, 48), recipe="cxr-5")
    mirrored = images.mirror()
    assert (mirrored.grey == images.grey[:, :, ::-1]).all()
    assert (mirrored.grey != images.grey).any()
    for view, before in zip(mirrored.views, images.views, strict=True):
        assert view.lungs is not None
        assert before.lungs is not None
        assert (view.lungs == before.lungs[:, ::-1]).all()
        assert (view.lungs != before.lungs).any()
    assert datasets.mirror_view(View(Region(0.1))).lungs is None
    assert all(map(np.array_equal, mirrored.mirror().grey, images.grey))
