"""Whether a picture was photographed off a film or a screen, by its greys."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ml.gate.training.grey_images import picture_of, pixels_of
from ml.gate.training.photographing import SETTINGS, photograph
from ml.imaging import decode
from ml.imaging.facts import not_classified
from ml.imaging.phantom import chest_xray
from ml.imaging.photographs import WAVE, has_tilted_edges, looks_photographed, strongest_wave
from ml.preprocessing import Pixels
from tests.unit.ml.imaging.samples import saved

SIDE = 256


def xray() -> Pixels:
    return chest_xray(SIDE, SIDE, seed=0, opacities=1)


@pytest.mark.parametrize("setting", ["light box", "monitor", "window"])
def test_a_film_that_lies_askew_in_the_picture(setting: str) -> None:
    taken = photograph(picture_of(xray()), SETTINGS[setting], np.random.default_rng(3)).convert("L")
    assert has_tilted_edges(pixels_of(taken))
    image = decode(saved(taken))
    assert image.not_classified == not_classified("photograph")
    assert "straight from the front, without flash" in image.not_classified.sentence


def test_waves_that_two_grids_make() -> None:
    waves = np.cos(0.5 * np.arange(SIDE)) * np.cos(0.4 * np.arange(SIDE))[:, np.newaxis]
    taken = (0.9 * xray() + 0.05 * (1 + waves)).astype(np.float32)
    assert not has_tilted_edges(taken)
    assert strongest_wave(xray()) < WAVE < strongest_wave(taken)
    assert decode(saved(picture_of(taken))).not_classified == not_classified("photograph")


def test_what_is_cut_along_the_sides_and_askew_at_one_is_no_photograph() -> None:
    cut = np.zeros((SIDE + 40, SIDE + 40), dtype=np.float32)
    cut[20:-20, 20:-20] = np.maximum(xray(), 0.2)
    assert not looks_photographed(cut)
    down, across = np.indices(cut.shape)
    cut[down < 30 + 0.05 * across] = 0
    assert not looks_photographed(cut)
    cut[across < 30 + 0.05 * down] = 0
    assert looks_photographed(cut)


@pytest.mark.parametrize("size", [(144, 8000), (8000, 144), (144, 60_000)])
def test_a_strip_has_no_edges_to_look_for_and_is_not_taken_for_damaged(size: tuple[int, int]) -> None:
    strip = np.resize(np.linspace(0, 255, 144).astype(np.uint8), size)
    assert decode(saved(Image.fromarray(strip))).pixels.shape == size
