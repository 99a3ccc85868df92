from __future__ import annotations

import numpy as np
import pytest

from ml.preprocessing import WHOLE, Region
from ml.serving.attention import attention_map, share_outside

SIZE = (300, 200)


def maps_with_evidence_at(row: int, column: int, label: int) -> np.ndarray:
    maps = np.zeros((5, 5, 3), dtype=np.float32)
    maps[row, column, label] = 4.0
    return maps


def test_the_strongest_place_is_one_and_lies_where_the_evidence_is() -> None:
    attention = attention_map(maps_with_evidence_at(0, 4, 1), 1, WHOLE, SIZE)
    row, column = np.unravel_index(attention.argmax(), attention.shape)
    assert attention.max() == pytest.approx(1.0, abs=0.02)
    assert row < attention.shape[0] / 5
    assert column > attention.shape[1] * 4 / 5


def test_it_has_the_aspect_ratio_of_the_image() -> None:
    attention = attention_map(maps_with_evidence_at(2, 2, 0), 0, WHOLE, (1000, 500))
    assert attention.shape == (224, 112)
    assert attention.dtype == np.float32


def test_it_stays_inside_the_part_that_the_network_saw() -> None:
    region = Region(0.5, 0.5, 1.0, 1.0)
    attention = attention_map(maps_with_evidence_at(2, 2, 0), 0, region, SIZE)
    assert attention[: attention.shape[0] // 2].max() == 0
    assert attention[:, : attention.shape[1] // 2].max() == 0
    assert attention.max() > 0.9


def test_evidence_for_another_label_is_not_shown() -> None:
    assert attention_map(maps_with_evidence_at(2, 2, 1), 0, WHOLE, SIZE).max() == 0


def test_what_speaks_for_every_label_alike_is_not_shown() -> None:
    maps = np.ones((4, 4, 3), dtype=np.float32)
    attention = attention_map(maps, 0, WHOLE, SIZE)
    assert np.isfinite(attention).all()
    assert attention.max() == 0


def test_the_share_outside_counts_attention_not_area() -> None:
    attention = np.zeros((10, 10), dtype=np.float32)
    attention[2, 2], attention[8, 8] = 1.0, 0.25
    lungs = np.zeros((10, 10), dtype=bool)
    lungs[:5] = True
    assert share_outside(attention, lungs) == pytest.approx(0.2)
    assert share_outside(attention, ~lungs) == pytest.approx(0.8)


def test_all_inside_and_all_outside_are_zero_and_one() -> None:
    attention = np.full((4, 6), 0.3, dtype=np.float32)
    assert share_outside(attention, np.ones((4, 6), dtype=np.float32)) == pytest.approx(0.0)
    assert share_outside(attention, np.zeros((4, 6), dtype=bool)) == 1.0


def test_no_attention_is_none_outside() -> None:
    assert share_outside(np.zeros((4, 6), dtype=np.float32), np.zeros((4, 6), dtype=bool)) == 0.0


def test_masks_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="same shape"):
        share_outside(np.zeros((4, 6), dtype=np.float32), np.zeros((6, 4), dtype=bool))
