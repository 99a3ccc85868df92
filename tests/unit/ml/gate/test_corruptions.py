from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ml.gate.training import corruptions
from ml.gate.training.grey_images import phantom, pixels_of
from ml.lungs import lung_mask
from ml.spec import Modality


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture(scope="module")
def ct() -> Image.Image:
    return phantom(Modality.CT, 1)


def test_no_turn_leaves_an_image_as_it_was(ct: Image.Image, random: np.random.Generator) -> None:
    for _ in range(12):
        assert np.abs(pixels_of(corruptions.turned(ct, random)) - pixels_of(ct)).mean() > 0.02


def test_inverting_twice_gives_the_image_back(ct: Image.Image, random: np.random.Generator) -> None:
    assert np.array_equal(np.asarray(corruptions.inverted(corruptions.inverted(ct, random), random)), np.asarray(ct))


def test_a_blurred_image_has_lost_its_edges(ct: Image.Image, random: np.random.Generator) -> None:
    for _ in range(6):
        blurred = pixels_of(corruptions.blurred(ct, random))
        assert blurred.shape == (ct.height, ct.width)
        assert np.median(np.abs(np.diff(blurred))) < np.median(np.abs(np.diff(pixels_of(ct))))


def test_painted_slices_have_no_lungs(ct: Image.Image, random: np.random.Generator) -> None:
    before = lung_mask(pixels_of(ct), Modality.CT)
    painted = corruptions.without_lungs(ct, random)
    assert before is not None
    assert painted is not None
    assert pixels_of(painted)[before].mean() > 0.7 > 0.5 > pixels_of(ct)[before].mean()


def test_a_grid_repeats_the_images(ct: Image.Image, random: np.random.Generator) -> None:
    sheet = corruptions.grid([ct], random)
    assert sheet.size == ct.size
    assert not np.array_equal(np.asarray(sheet), np.asarray(ct))
