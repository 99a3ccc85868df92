"""With the networks that ship: one image, several classifiers, and the picture that they saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO serves the classifiers")

import ml
from ml.preprocessing import Pixels, Region, find_region, prepare
from ml.serving import Classifier, classifier, load, predict_all
from ml.serving.catalogue import bundles
from ml.serving.engine import Network
from ml.spec import Modality

ROOT = Path(ml.__file__).parent / "weights"


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

    def counting(pixels: Pixels, size: tuple[int, int], recipe: str, region: Region) -> object:
        prepared.append((size, recipe))
        assert region == find_region(pixels, recipe)
        return prepare(pixels, size, recipe, region)

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


def test_a_blank_image_is_seen_blank(first: Classifier) -> None:
    assert not first.seen(np.full((60, 50), 0.3, dtype=np.float32)).any()


def test_pixels_of_another_kind_are_refused(first: Classifier) -> None:
    for pixels in (np.zeros((8, 8)), np.full((8, 8), np.inf, dtype=np.float32)):
        with pytest.raises(ValueError, match="finite float32"):
            predict_all((first,), pixels)
        with pytest.raises(ValueError, match="finite float32"):
            first.seen(pixels)
