"""The network that ships, on synthetic chests and on real ones."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO runs the network")

import ml
from ml import preprocessing
from ml.imaging.phantom import chest_ct, chest_ct_lungs, chest_xray, chest_xray_lungs
from ml.imaging.windowing import lung_grey
from ml.pooling import shows_lungs
from ml.preprocessing import Pixels, Region, View, find_region, prepare, resize
from ml.regions import Mask
from ml.serving.bundle import BundleRefused
from ml.serving.lungs import crop
from ml.serving.lungs.convention import Convention
from ml.serving.lungs.crop import crop_to_lungs, lung_region
from ml.serving.lungs.finder import LungFinder, find_lungs
from ml.serving.lungs.spec import Limits, LungsSpec
from ml.spec import Modality, SpecInvalid

ROOT = Path(ml.__file__).parent / "weights"
SIDE = 320


@pytest.fixture(scope="module")
def finder() -> LungFinder:
    return LungFinder.load()


@pytest.fixture(scope="module")
def xray() -> Pixels:
    return chest_xray(SIDE, SIDE, seed=3, opacities=1)


def dice(one: Mask, other: Mask) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def overlap(one: Region, other: Region) -> float:
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    width = min(one.right, other.right) - max(one.left, other.left)
    areas = sum((box.bottom - box.top) * (box.right - box.left) for box in (one, other))
    return height * width / (areas - height * width)


def test_lungs_of_a_synthetic_xray_are_found(xray: Pixels) -> None:
    found = find_lungs(xray, Modality.CXR)
    assert found is not None
    assert found.shape == xray.shape
    assert dice(found, chest_xray_lungs(SIDE, SIDE)) > 0.9


def test_lungs_of_a_synthetic_slice_are_found() -> None:
    found = find_lungs(lung_grey(chest_ct(SIDE, SIDE, seed=3).astype(np.float32)), Modality.CT)
    assert found is not None
    assert dice(found, chest_ct_lungs(SIDE, SIDE)) > 0.9


@pytest.mark.parametrize("modality", list(Modality))
def test_nothing_is_found_where_nothing_is(modality: Modality) -> None:
    noise = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    assert find_lungs(np.full((SIDE, SIDE), 0.5, dtype=np.float32), modality) is None
    assert find_lungs(noise, modality) is None


def test_the_crop_of_an_xray_without_lungs_is_that_of_cxr_2_and_says_so(finder: LungFinder) -> None:
    noise = np.pad(np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32), 40)
    cropped = crop_to_lungs(finder, noise, (64, 64))
    assert not cropped.lungs_found
    assert cropped.prepared.region == find_region(noise, "cxr-2")
    assert np.array_equal(cropped.prepared.values, prepare(noise, (64, 64), "cxr-2").values)


def test_the_crop_holds_all_lung_and_leaves_out_the_rest(finder: LungFinder, xray: Pixels) -> None:
    found = lung_region(finder, xray)
    rows, columns = np.nonzero(chest_xray_lungs(SIDE, SIDE))
    assert found.found
    assert found.region.top <= rows.min() / SIDE
    assert found.region.bottom >= (rows.max() + 1) / SIDE
    assert found.region.left <= columns.min() / SIDE
    assert found.region.right >= (columns.max() + 1) / SIDE
    assert (found.region.bottom - found.region.top) < 0.95


def test_the_crop_stays_where_it_is_when_the_image_changes_a_little(finder: LungFinder, xray: Pixels) -> None:
    crop = lung_region(finder, xray).region
    assert lung_region(finder, xray).region == crop
    shifted = lung_region(finder, np.pad(xray, ((2, 0), (2, 0)), mode="edge")[:SIDE, :SIDE]).region
    assert overlap(crop, shifted) > 0.93
    mirrored = lung_region(finder, xray[:, ::-1].copy()).region
    assert overlap(crop, Region(mirrored.top, 1 - mirrored.right, mirrored.bottom, 1 - mirrored.left)) > 0.97
    border = SIDE // 5
    whole = SIDE + 2 * border
    framed = lung_region(finder, np.pad(xray, border)).region
    edges = ((edge * whole - border) / SIDE for edge in (framed.top, framed.left, framed.bottom, framed.right))
    assert overlap(crop, Region(*edges)) > 0.93


def test_cxr_3_has_no_region_of_its_own(xray: Pixels) -> None:
    with pytest.raises(ValueError, match="give the region"):
        prepare(xray, (64, 64), "cxr-3")


@pytest.mark.parametrize("recipe", preprocessing.RECIPES)
def test_any_recipe_gets_its_region(finder: LungFinder, xray: Pixels, recipe: str) -> None:
    expected = lung_region(finder, xray).region if recipe == "cxr-3" else find_region(xray, recipe)
    assert crop.find_region(xray, recipe) == expected
    prepared = crop.prepare(xray, (64, 48), recipe)
    assert prepared.region == expected
    assert np.array_equal(prepared.values, prepare(xray, (64, 48), recipe, View(expected)).values)


def test_lungs_count_where_the_recipe_says_so(finder: LungFinder, xray: Pixels) -> None:
    assert crop.find_view(xray, "cxr-4").lungs is None
    view = crop.find_view(xray, "cxr-5")
    assert view.lungs is not None
    assert view.lungs.shape == crop.LUNGS
    assert set(np.unique(view.lungs)) == {0.0, 1.0}
    assert shows_lungs(view)
    # By either convention, in the frame of what is looked at
    whole = np.logical_or.reduce([found.in_frame(crop.FRAME) for found in finder.maps(xray).values()])
    inside = resize(whole.astype(np.float32), crop.LUNGS, view.region) >= 0.5
    assert (inside == (view.lungs > 0)).mean() > 0.97


def test_lungs_are_looked_for_in_the_image_as_the_recipe_reduces_it() -> None:
    fine = chest_xray(1100, 1000, seed=3, opacities=1)
    found, expected = (crop.find_view(pixels, "cxr-5") for pixels in (fine, preprocessing.reduce(fine, "cxr-5")))
    assert found.region == expected.region
    assert found.lungs is not None
    assert np.array_equal(found.lungs, expected.lungs)


def test_an_unknown_recipe_is_refused(xray: Pixels) -> None:
    with pytest.raises(ValueError, match="cxr-99"):
        crop.find_region(xray, "cxr-99")


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (SIDE, SIDE)])
def test_a_blank_image_is_prepared_blank(shape: tuple[int, int]) -> None:
    for grey in (0.0, 0.3, 1.0):
        prepared = crop.prepare(np.full(shape, grey, dtype=np.float32), (32, 32), "cxr-3")
        assert prepared.region == Region()
        assert not prepared.values.any()


def test_the_recipe_means_one_version_of_the_network(xray: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop, "VERSION", "9.9.9")
    crop.make_ready("cxr-4")
    with pytest.raises(BundleRefused, match=r"lungs/9\.9\.9.* Restore"):
        crop.make_ready("cxr-5")
    with pytest.raises(BundleRefused, match=r"lungs/9\.9\.9.* Restore"):
        crop.make_ready("cxr-3")
    with pytest.raises(BundleRefused, match=r"lungs/9\.9\.9.* Restore"):
        crop.find_region(xray, "cxr-3")


def test_a_crop_needs_no_keras() -> None:
    """A process of its own: this one may have imported it long ago."""
    code = """
import sys
from ml.imaging.phantom import chest_xray
from ml.serving.lungs import crop
xray = chest_xray(320, 320, seed=3)
assert crop.find_region(xray, "cxr-3") != crop.find_region(xray, "cxr-2")
print([name for name in ("keras", "tensorflow", "jax", "torch") if name in sys.modules])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parents[1])
    assert said.stdout.strip() == "[]"


def test_a_slice_has_no_shadows(finder: LungFinder, xray: Pixels) -> None:
    with pytest.raises(ValueError, match="In a slice"):
        finder.find(xray, Modality.CT, Convention.SHADOWED)


def test_other_pixels_are_refused(finder: LungFinder) -> None:
    with pytest.raises(ValueError, match="float32"):
        finder.find(np.zeros((4, 4, 3), dtype=np.float32), Modality.CXR)


def test_changed_weights_are_refused(tmp_path: Path, finder: LungFinder) -> None:
    folder = tmp_path / "lungs" / finder.spec.version
    shutil.copytree(ROOT / "lungs" / finder.spec.version, folder)
    with (folder / "model.bin").open("r+b") as weights:
        weights.write(b"\0\1\2\3")
    with pytest.raises(BundleRefused, match="SHA-256"):
        LungFinder.load(tmp_path)


def test_a_root_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="holds no network"):
        LungFinder.load(tmp_path)


def test_the_spec_survives_json_and_refuses_contradictions(finder: LungFinder) -> None:
    spec = finder.spec
    assert LungsSpec.from_json(spec.to_json()) == spec
    with pytest.raises(SpecInvalid, match="one channel"):
        dataclasses.replace(spec, conventions=(Convention.FIELDS,))
    with pytest.raises(SpecInvalid, match="above the most"):
        Limits(0.5, 0.4, 0.0, 0.0)
