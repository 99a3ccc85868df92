from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.imaging.phantom import chest_ct, chest_xray
from ml.imaging.windowing import lung_grey
from ml.lungs import Mask, components, convex_outline, lung_mask, lung_share, otsu_threshold
from ml.preprocessing import Pixels
from ml.spec import Modality
from ml.training.data.manifest import read_rows

SIDE = 256
STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def ct(seed: int = 0) -> Pixels:
    return lung_grey(chest_ct(SIDE, SIDE, seed=seed).astype(np.float32))


def xray(seed: int = 0) -> Pixels:
    return chest_xray(SIDE, SIDE, seed=seed)


@pytest.mark.parametrize(("pixels", "modality"), [(ct(), Modality.CT), (xray(), Modality.CXR)], ids=["ct", "cxr"])
def test_both_lungs_of_a_phantom_are_found_and_its_rim_is_not(pixels: Pixels, modality: Modality) -> None:
    lungs = lung_mask(pixels, modality)
    assert lungs is not None
    assert lungs.shape == pixels.shape
    assert lungs.dtype == np.bool_
    row = SIDE // 2 - 10
    assert lungs[row, int(SIDE * 0.29)]
    assert lungs[row, int(SIDE * 0.72)]
    assert lungs[row, SIDE // 2] == (modality is Modality.CXR)  # in projection, lung lies behind the heart
    assert not lungs[:, :8].any()
    assert not lungs[:8].any()


def test_the_mask_has_the_shape_of_the_image() -> None:
    lungs = lung_mask(lung_grey(chest_ct(300, 400).astype(np.float32)), Modality.CT)
    assert lungs is not None
    assert lungs.shape == (300, 400)


def test_the_mask_may_have_the_shape_of_a_map() -> None:
    slice_ = lung_grey(chest_ct(300, 400).astype(np.float32))
    lungs, small = lung_mask(slice_, Modality.CT), lung_mask(slice_, Modality.CT, (150, 200))
    assert lungs is not None
    assert small is not None
    assert small.shape == (150, 200)
    assert (small == lungs[::2, ::2]).mean() > 0.97


@pytest.mark.parametrize(("pixels", "modality"), [(ct(), Modality.CT), (xray(), Modality.CXR)], ids=["ct", "cxr"])
def test_the_share_is_that_of_the_mask(pixels: Pixels, modality: Modality) -> None:
    lungs = lung_mask(pixels, modality)
    assert lungs is not None
    assert lung_share(pixels, modality) == pytest.approx(lungs.mean(), abs=0.005)
    assert lung_share(np.zeros_like(pixels), modality) is None


@pytest.mark.parametrize("modality", list(Modality))
def test_noise_and_even_greys_have_no_lungs(modality: Modality) -> None:
    assert lung_mask(np.full((SIDE, SIDE), 0.5, dtype=np.float32), modality) is None
    for seed in range(10):
        noise = np.random.default_rng(seed).random((SIDE, SIDE), dtype=np.float32)
        assert lung_mask(noise, modality) is None


def test_air_around_a_body_without_lungs_is_no_lung() -> None:
    down, across = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    body = np.where(np.hypot(down, across) < 0.8, 0.9, 0.1).astype(np.float32)
    assert lung_mask(body, Modality.CT) is None


def test_pixels_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="two dimensions"):
        lung_mask(np.zeros((4, 4, 3), dtype=np.float32), Modality.CT)


def test_components_hang_together_over_edges_and_come_largest_first() -> None:
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [1, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)
    found = components(mask)
    assert [int(each.sum()) for each in found] == [3, 3, 2, 1]
    assert np.array_equal(np.logical_or.reduce(found), mask)
    assert components(np.zeros((3, 3), dtype=bool)) == []


def test_a_winding_part_stays_one() -> None:
    snake = np.zeros((31, 31), dtype=bool)
    snake[::2] = True
    snake[1::4, -1] = True
    snake[3::4, 0] = True
    assert len(components(snake)) == 1


@pytest.mark.parametrize("seed", range(40))
def test_components_are_those_of_a_flood(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random(random.integers(1, 30, size=2)) < random.random()
    found = components(mask)
    assert sorted(map(places, found)) == sorted(flooded(mask))
    assert [each.sum() for each in found] == sorted((each.sum() for each in found), reverse=True)


def places(mask: Mask) -> list[tuple[int, int]]:
    return [(int(row), int(column)) for row, column in np.argwhere(mask)]


def flooded(mask: Mask) -> list[list[tuple[int, int]]]:
    """The parts of a mask, found by walking from pixel to pixel."""
    left, parts = set(places(mask)), []
    while left:
        reached, edge = set(), {min(left)}
        while edge:
            left -= edge
            reached |= edge
            edge = {(row + down, column + over) for row, column in edge for down, over in STEPS} & left
        parts.append(sorted(reached))
    return parts


def test_the_outline_is_convex_and_holds_every_pixel() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[5, 3:15] = mask[5:18, 9] = True
    assert set(convex_outline(mask)) == {(3, 5), (14, 5), (9, 17)}


def test_the_threshold_lies_between_two_heaps() -> None:
    values = np.concatenate([np.full(300, 0.2), np.full(100, 0.8)]).astype(np.float32)
    assert 0.2 < otsu_threshold(values) < 0.8


@pytest.mark.parametrize(("modality", "found", "share"), [(Modality.CT, 0.9, 0.5), (Modality.CXR, 0.7, 0.48)])
def test_most_real_images_get_a_plausible_field(
    chest_data: Path, modality: Modality, found: float, share: float
) -> None:
    masks = []
    for row in read_rows(chest_data, modality)[::80]:
        with Image.open(chest_data / row.path) as image:
            pixels = np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)
        masks.append(lung_mask(pixels, modality))
    fields = [mask.mean() for mask in masks if mask is not None]
    assert len(fields) >= found * len(masks)
    assert np.median(fields) == pytest.approx(share, abs=0.15)
