from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ml.gate.sharpness import MOST_DECLINE, decline, is_enlarged, repeats_pixels
from ml.gate.training.grey_images import pixels_of
from ml.preprocessing import Pixels
from ml.spec import Modality

SIDE = 600
Resampling = Image.Resampling


def radiograph() -> Image.Image:
    """Greys whose spectrum falls as that of an X-ray does, down to the last pixel."""
    random = np.random.default_rng(0)
    place = np.fft.fftfreq(SIDE)
    waves = np.hypot(place, place[:, np.newaxis])
    waves[0, 0] = 1
    values = np.fft.ifft2(np.fft.fft2(random.normal(size=(SIDE, SIDE))) / waves**1.5).real
    return Image.fromarray(np.uint8(255 * (values - values.min()) / np.ptp(values)))


def thumbnail(side: int, resample: Resampling) -> Pixels:
    return pixels_of(radiograph().resize((side, side)).resize((SIDE, SIDE), resample))


@pytest.mark.parametrize("modality", list(Modality))
def test_an_image_taken_at_its_size_is_not_enlarged(modality: Modality) -> None:
    for size in ((SIDE, SIDE), (SIDE, 400), (160, 160)):
        assert not is_enlarged(pixels_of(radiograph().resize(size)), modality)


@pytest.mark.parametrize("side", [32, 48, 64, 80])
@pytest.mark.parametrize("resample", [Resampling.NEAREST, Resampling.BILINEAR, Resampling.BICUBIC])
def test_a_thumbnail_is_noticed_however_it_was_enlarged(side: int, resample: Resampling) -> None:
    assert is_enlarged(thumbnail(side, resample), Modality.CXR)


def test_smoothness_and_repetition_are_noticed_each_by_its_own_rule() -> None:
    smooth, blocks = thumbnail(64, Resampling.BICUBIC), thumbnail(64, Resampling.NEAREST)
    assert decline(smooth) > MOST_DECLINE[Modality.CXR] > decline(blocks)
    assert repeats_pixels(blocks)
    assert not repeats_pixels(smooth)


@pytest.mark.parametrize("times", [2, 4])
def test_pixels_may_be_repeated_where_there_are_enough(times: int) -> None:
    large = radiograph().resize((300, 300)).resize((300 * times, 300 * times), Resampling.NEAREST)
    assert not repeats_pixels(pixels_of(large))


def test_bars_beside_the_image_are_no_repetition() -> None:
    pixels = np.zeros((SIDE, SIDE), dtype=np.float32)
    pixels[:, 150:450] = pixels_of(radiograph())[:, 150:450]
    assert not repeats_pixels(pixels)
