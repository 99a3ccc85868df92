from __future__ import annotations

import numpy as np

from ml.training.data.augmentation import augment


def image() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (48, 40), dtype=np.uint8)


def test_variations_keep_shape_and_type_and_differ() -> None:
    random = np.random.default_rng(0)
    varied = [augment(image(), random) for _ in range(50)]
    assert {(each.shape, each.dtype.name) for each in varied} == {((48, 40), "uint8")}
    assert len({each.tobytes() for each in varied}) == 50


def test_the_same_seed_gives_the_same_variation() -> None:
    first, second = (augment(image(), np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)


def test_the_image_itself_is_left_alone() -> None:
    original = image()
    for seed in range(20):
        augment(original, np.random.default_rng(seed))
    assert np.array_equal(original, image())


def test_variations_stay_recognisable() -> None:
    """The bright side of an image stays bright, on the same side or, flipped, on the other."""
    half = np.zeros((64, 64), dtype=np.uint8)
    half[:, 32:] = 200
    random = np.random.default_rng(1)
    gaps = [np.ptp([each[:, :24].mean(), each[:, 40:].mean()]) for each in (augment(half, random) for _ in range(100))]
    assert np.percentile(gaps, 5) > 60
