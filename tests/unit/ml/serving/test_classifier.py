"""With the networks that ship: one image, several classifiers, and the picture that they saw."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO serves the classifiers")

import ml
from ml import preprocessing
from ml.imaging.phantom import chest_xray
from ml.preprocessing import Pixels, View, place_back
from ml.serving import BundleRefused, Classifier, classifier, load, predict_all, prepare_once
from ml.serving.bundle import read_bundle
from ml.serving.catalogue import bundles
from ml.serving.engine import Network
from ml.serving.lungs import crop
from ml.serving.lungs.crop import find_region, prepare
from ml.serving.lungs.finder import LungFinder
from ml.spec import Modality

ROOT = Path(ml.__file__).parent / "weights"
SHIPPED = "vgg16-cxr/2.0.0"


@pytest.fixture(scope="module")
def chest() -> Pixels:
    """Noise of many sizes: something to see everywhere, and no image of a person."""
    random = np.random.default_rng(0)
    grey = sum(np.kron(random.random((400 // step, 300 // step)), np.ones((step, step))) for step in (1, 10, 50))
    return (np.asarray(grey) / 3).astype(np.float32)


@pytest.fixture(scope="module")
def first() -> Classifier:
    return load(ROOT, Modality.CXR)[0]


def test_together_they_say_what_each_says_alone(chest: Pixels) -> None:
    classifiers = load(ROOT, Modality.CXR) + load(ROOT, Modality.CT)
    together = predict_all(classifiers, chest)
    for one, said in zip(classifiers, together, strict=True):
        alone = one.predict(chest)
        assert said.probabilities == pytest.approx(alone.probabilities)
        assert np.array_equal(said.seen, alone.seen)
        assert said.attention == pytest.approx(alone.attention, abs=1e-6)


def test_an_image_is_prepared_once_for_all_that_read_it_alike(
    first: Classifier, chest: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []

    def counting(pixels: Pixels, size: tuple[int, int], recipe: str, view: View) -> object:
        prepared.append((size, recipe))
        assert view.region == find_region(pixels, recipe)
        return preprocessing.prepare(pixels, size, recipe, view)

    monkeypatch.setattr(classifier, "prepare", counting)
    (ct, *_) = load(ROOT, Modality.CT)
    said = predict_all((first, first, ct), chest)
    assert prepared == [(each.spec.input_size, each.spec.preprocessing) for each in (first, ct)]
    assert len(said) == 3


def test_what_was_seen_is_what_the_network_got(first: Classifier, chest: Pixels) -> None:
    seen = first.seen(chest)
    given = prepare(chest, first.spec.input_size, first.spec.preprocessing).values[..., 0]
    assert seen.shape == first.spec.input_size
    assert seen.dtype == np.float32
    assert (seen.min(), seen.max()) == (0.0, 1.0)
    assert np.corrcoef(seen.ravel(), given.ravel())[0, 1] == pytest.approx(1.0)


def test_greys_that_a_recipe_keeps_are_shown_as_they_are(chest: Pixels) -> None:
    """Stretching them to the whole range would show a picture that the network did not get."""
    bundle = bundles(ROOT)[0]
    plain = Classifier(replace(bundle.spec, preprocessing="plain-linear-1"), Network(*bundle.verified_weights()))
    dim = chest * np.float32(0.5)
    assert plain.seen(dim).max() < 0.5
    assert plain.seen(dim) == pytest.approx(prepare(dim, plain.spec.input_size, "plain-linear-1").values[..., 0])


@pytest.fixture(scope="module")
def cropping() -> tuple[Classifier, Classifier]:
    """Two classifiers of different sizes that read X-rays cropped to their lungs."""
    found = {bundle.spec.input_size: bundle for bundle in bundles(ROOT) if bundle.spec.modality is Modality.CXR}
    one, other = (
        Classifier(replace(bundle.spec, preprocessing="cxr-3"), Network(*bundle.verified_weights()))
        for bundle in list(found.values())[:2]
    )
    return one, other


def test_an_image_is_cropped_to_its_lungs_once(
    cropping: tuple[Classifier, Classifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    xray = chest_xray(320, 320, seed=3, opacities=1)
    cropped = {each.input: prepare(xray, *each.input) for each in cropping}
    asked: list[Pixels] = []
    find = crop.lung_region

    def counting(finder: LungFinder, pixels: Pixels) -> crop.LungRegion:
        asked.append(pixels)
        return find(finder, pixels)

    monkeypatch.setattr(crop, "lung_region", counting)
    prepared = prepare_once(cropping, xray)
    assert len(asked) == 1
    assert len(prepared) == 2
    for each, one in prepared.items():
        assert one.region == cropped[each].region != find_region(xray, "cxr-2")
        assert np.array_equal(one.values, cropped[each].values)


def test_a_cropping_classifier_shows_its_crop_and_looks_nowhere_else(cropping: tuple[Classifier, Classifier]) -> None:
    xray = chest_xray(320, 320, seed=3, opacities=1)
    said = cropping[0].predict(xray)
    region = find_region(xray, "cxr-3")
    assert np.array_equal(said.seen, cropping[0].seen(xray))
    inside = place_back(np.ones((2, 2), dtype=np.float32), region, said.attention.shape) > 0
    assert not inside.all()
    assert not said.attention[~inside].any()


def test_a_blank_image_is_read_by_a_cropping_classifier(cropping: tuple[Classifier, Classifier]) -> None:
    for said in predict_all(cropping, np.full((60, 50), 0.3, dtype=np.float32)):
        assert sum(said.probabilities.values()) == pytest.approx(1.0)
        assert not said.seen.any()


def test_a_classifier_does_not_load_without_what_crops_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / SHIPPED
    shutil.copytree(ROOT / SHIPPED, folder)
    spec = replace(read_bundle(folder).spec, preprocessing="cxr-3")
    (folder / "spec.json").write_text(spec.to_json())
    monkeypatch.setattr(crop, "VERSION", "9.9.9")
    with pytest.raises(BundleRefused, match=r"lungs/9\.9\.9.* Restore"):
        load(tmp_path, Modality.CXR)


def test_a_blank_image_is_seen_blank(first: Classifier) -> None:
    assert not first.seen(np.full((60, 50), 0.3, dtype=np.float32)).any()


def test_pixels_of_another_kind_are_refused(first: Classifier) -> None:
    for pixels in (np.zeros((8, 8)), np.full((8, 8), np.inf, dtype=np.float32)):
        with pytest.raises(ValueError, match="finite float32"):
            predict_all((first,), pixels)
        with pytest.raises(ValueError, match="finite float32"):
            first.seen(pixels)
