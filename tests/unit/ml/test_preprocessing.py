from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.imaging.phantom import chest_xray
from ml.preprocessing import (
    RECIPES,
    WHOLE,
    Prepared,
    Region,
    View,
    equalise,
    find_region,
    interpolate,
    keep,
    pick,
    place_back,
    prepare,
    reduce,
    resize,
    standardise,
)

STANDARDISING = [name for name, recipe in RECIPES.items() if recipe.scale is standardise]
PLAIN = [name for name, recipe in RECIPES.items() if recipe.scale is keep]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width), dtype=np.float32)


def prepared_by(pixels: np.ndarray, size: tuple[int, int], recipe: str) -> Prepared:
    """By any recipe whose region needs no network."""
    return prepare(pixels, size, recipe, View(find_region(pixels, recipe)))


@pytest.mark.parametrize("recipe", STANDARDISING)
@pytest.mark.parametrize("shape", [(64, 64), (300, 211), (17, 400)])
def test_network_input_has_mean_zero_and_deviation_one(recipe: str, shape: tuple[int, int]) -> None:
    prepared = prepared_by(noise(*shape), (48, 40), recipe)
    assert prepared.values.shape == (48, 40, 1)
    assert prepared.values.dtype == np.float32
    assert prepared.values.mean() == pytest.approx(0.0, abs=1e-4)
    assert prepared.values.std() == pytest.approx(1.0, abs=1e-3)


@given(gain=st.floats(0.2, 1.0), offset=st.floats(0.0, 0.5))
@settings(deadline=None)
def test_gain_and_offset_of_the_detector_do_not_reach_the_network(gain: float, offset: float) -> None:
    pixels = noise(40, 40)
    assert np.allclose(standardise(pixels * gain + offset), standardise(pixels), atol=1e-3)


@pytest.mark.parametrize("power", [0.4, 3.0])
def test_equalising_leaves_nothing_of_a_curve_of_greys(power: float) -> None:
    smooth = resize(noise(9, 9), (90, 90))
    one, other = (
        {recipe: prepare(pixels, (90, 90), recipe).values for recipe in ("cxr-1", "cxr-2")}
        for pixels in (smooth, smooth**power)
    )
    assert np.abs(one["cxr-2"] - other["cxr-2"]).max() < 0.2
    assert np.abs(one["cxr-1"] - other["cxr-1"]).max() > 0.4


def test_equalised_greys_are_even_and_equal_ones_stay_equal() -> None:
    values = equalise(np.linspace(0, 1, 2560, dtype=np.float32).reshape(40, 64))
    assert (values.mean(), values.std()) == pytest.approx((0.0, 1.0), abs=1e-3)
    assert np.histogram(values, bins=8)[0] == pytest.approx(320, abs=10)
    half = np.zeros((10, 10), dtype=np.float32)
    half[:5] = 0.9
    assert np.unique(equalise(half)) == pytest.approx([-(0.75**0.5), 0.75**0.5])


@pytest.mark.parametrize("recipe", ["cxr-1", "cxr-2", "cxr-4", "cxr-5"])
def test_a_blank_image_becomes_zeros(recipe: str) -> None:
    assert not prepared_by(np.full((50, 50), 0.4, dtype=np.float32), (32, 32), recipe).values.any()


def test_shrinking_averages_instead_of_picking_pixels() -> None:
    stripes = np.tile(np.array([0.0, 1.0], dtype=np.float32), (64, 32))
    assert np.allclose(resize(stripes, (8, 8)), 0.5, atol=0.02)


@pytest.mark.parametrize("recipe", ["cxr-1", "cxr-4", "cxr-5"])
def test_the_padding_around_a_radiograph_is_left_out(recipe: str) -> None:
    framed = np.zeros((200, 300), dtype=np.float32)
    framed[20:180, 60:270] = noise(160, 210)
    region = find_region(framed, recipe)
    assert (region.top, region.bottom) == pytest.approx((0.1, 0.9), abs=0.015)
    assert (region.left, region.right) == pytest.approx((0.2, 0.9), abs=0.015)


# What one sees as another brightness or contrast. Eight bits keep 20 greys of the darkest.
BRIGHTNESS = {
    "a quarter as bright": lambda pixels: pixels / 4,
    "a twelfth as bright": lambda pixels: pixels / 12,
    "less contrast, brighter": lambda pixels: pixels * 0.4 + 0.5,
    "a gamma of 0.4": lambda pixels: pixels**0.4,
    "a gamma of 2.5": lambda pixels: pixels**2.5,
    "dark greys spread": lambda pixels: np.log1p(pixels * 20) / np.log(21),
    "an S-shaped curve": lambda pixels: pixels**2 / (pixels**2 + (1 - pixels) ** 2),
}
# Of an image's height or width: three of the 128 lines that are judged
CROP_BOUND = 3 / 128


@cache
def framed_phantom(seed: int) -> np.ndarray:
    """A radiograph with the black border that scanners leave, dim towards one side, in 256 greys."""
    xray = chest_xray(360, 330, seed=seed, opacities=seed % 3) * np.linspace(0.15, 1.0, 330, dtype=np.float32)
    return np.pad(xray, ((14 * seed, 30), (40, 9 * seed)))


def in_eight_bits(pixels: np.ndarray) -> np.ndarray:
    return (np.rint(pixels * 255) / 255).astype(np.float32)


def largest_move(recipe: str, change: Callable[[np.ndarray], np.ndarray]) -> float:
    """How far an edge of what is seen moves by a change of brightness, at most, over a few phantoms."""
    moves = []
    for seed in range(4):
        pixels = framed_phantom(seed)
        before, after = (find_region(in_eight_bits(each), recipe) for each in (pixels, change(pixels)))
        moves += [abs(getattr(before, edge) - getattr(after, edge)) for edge in ("top", "left", "bottom", "right")]
    return max(moves)


@pytest.mark.parametrize("change", BRIGHTNESS.values(), ids=BRIGHTNESS)
def test_brightness_does_not_decide_what_is_cut_off(change: Callable[[np.ndarray], np.ndarray]) -> None:
    assert find_region(framed_phantom(2), "cxr-5") != WHOLE
    assert largest_move("cxr-5", change) <= CROP_BOUND


def test_it_did_by_the_first_recipe() -> None:
    assert max(largest_move("cxr-1", change) for change in BRIGHTNESS.values()) > 3 * CROP_BOUND


def test_the_network_sees_the_same_with_and_without_padding() -> None:
    smooth = resize(noise(12, 12), (256, 256))
    framed = np.pad(smooth, 64)
    bare, padded = (prepare(pixels, (64, 64), "cxr-1").values for pixels in (smooth, framed))
    assert np.corrcoef(bare.ravel(), padded.ravel())[0, 1] > 0.95


def test_an_image_is_no_finer_than_those_that_taught_the_recipe() -> None:
    """Reduced by whoever sends it or here, the network gets the same; fine detail would make it sharper."""
    recipe, finer, learnt = "cxr-5", "cxr-4", 299
    fine = noise(3 * learnt, 4 * learnt)
    small = resize(fine, (learnt, round(learnt * 4 / 3)))
    size = (64, 64)
    assert np.array_equal(prepared_by(fine, size, recipe).values, prepared_by(small, size, recipe).values)
    assert np.array_equal(prepared_by(small, size, recipe).values, prepared_by(small, size, finer).values)
    assert find_region(fine, recipe) == find_region(small, recipe)
    sharp, like_those = (prepared_by(fine, (160, 160), each).values for each in (finer, recipe))
    assert np.abs(np.diff(sharp, axis=0)).mean() > 1.03 * np.abs(np.diff(like_those, axis=0)).mean()


def test_where_lungs_count_somebody_must_say_where_they_are() -> None:
    with pytest.raises(ValueError, match="give the view that ml\\.serving\\.lungs finds"):
        prepare(noise(300, 300), (64, 64), "cxr-5")


def test_reducing_twice_changes_nothing_more() -> None:
    fine = noise(700, 1000)
    once = reduce(fine, "cxr-5")
    assert once.shape == (299, 427)
    assert reduce(once, "cxr-5") is once
    assert reduce(fine, "cxr-4") is fine
    with pytest.raises(ValueError, match="Unknown preprocessing recipe 'cxr-99'"):
        reduce(fine, "cxr-99")


def test_air_and_table_around_a_body_are_left_out() -> None:
    field = np.zeros((512, 512), dtype=np.float32)
    field[150:400, 100:420] = 0.8
    field[460:464, 50:460] = 0.05
    region = find_region(field, "ct-1")
    assert (region.top, region.bottom, region.left, region.right) == pytest.approx(
        (150 / 512, 400 / 512, 100 / 512, 420 / 512), abs=0.015
    )


def test_a_tiny_island_of_content_does_not_become_the_whole_view() -> None:
    dark = np.zeros((200, 200), dtype=np.float32)
    dark[90:110, 90:110] = noise(20, 20)
    assert find_region(dark, "cxr-1") == WHOLE


def test_a_map_goes_back_to_where_it_was_seen() -> None:
    frame = place_back(np.ones((5, 5), dtype=np.float32), Region(0.25, 0.5, 0.75, 1.0), (100, 80))
    assert frame[25:75, 40:].min() == pytest.approx(1.0)
    assert frame.sum() == pytest.approx(50 * 40)


def test_an_unknown_recipe_and_colour_pixels_are_errors() -> None:
    with pytest.raises(ValueError, match="Unknown preprocessing recipe"):
        prepare(noise(32, 32), (32, 32), "cxr-99")
    with pytest.raises(ValueError, match="two dimensions"):
        prepare(np.zeros((32, 32, 3), dtype=np.float32), (32, 32), "cxr-1")


def at_centres(pixels: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where the centres of the output pixels lie in the image, down and across."""
    down, across = ((np.arange(new) + 0.5) * old / new - 0.5 for old, new in zip(pixels.shape, size, strict=True))
    return down, across


@pytest.mark.parametrize("size", [(48, 40), (160, 200), (64, 71)])
def test_interpolating_looks_at_the_four_nearest_pixels(size: tuple[int, int]) -> None:
    pixels = noise(100, 71)
    down, across = at_centres(pixels, size)
    by_row = np.stack([np.interp(across, np.arange(71), line) for line in pixels])
    expected = np.stack([np.interp(down, np.arange(100), line) for line in by_row.T], axis=1)
    assert interpolate(pixels, size) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [(48, 40), (160, 200)])
def test_picking_takes_the_nearest_pixel(size: tuple[int, int]) -> None:
    pixels = noise(100, 71)
    down, across = (np.floor(centre + 0.5).astype(int) for centre in at_centres(pixels, size))
    assert np.array_equal(pick(pixels, size), pixels[np.ix_(down, across)])


@pytest.mark.parametrize("recipe", PLAIN)
def test_a_plain_recipe_keeps_the_whole_image_and_its_greys(recipe: str) -> None:
    framed = np.zeros((200, 300), dtype=np.float32)
    framed[20:180, 60:270] = 0.5
    prepared = prepare(framed, (100, 100), recipe)
    assert prepared.region == WHOLE
    assert not prepared.values[:9].any()
    assert prepared.values[12:88, 22:88, 0] == pytest.approx(0.5)
