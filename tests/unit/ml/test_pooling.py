"""Where places count by the share of lung in them, so do they in the answer, and in what is drawn of it."""

from __future__ import annotations

import numpy as np
import pytest

from ml.pooling import LEAST_SHARE, place_weights, pool_features, shows_lungs, weigh_places
from ml.preprocessing import Pixels, View

PLACES = (4, 6)
random = np.random.default_rng(3)
MAPS = random.normal(size=(*PLACES, 3)).astype(np.float32)
BIAS = np.array([0.5, -1.0, 2.0], dtype=np.float32)
LOGITS = MAPS.mean(axis=(0, 1)) + BIAS


def lungs(share: float) -> Pixels:
    """Lung in the leftmost columns of a view, as large a share as that."""
    field = np.zeros((48, 60), dtype=np.float32)
    field[:, : round(60 * share)] = 1.0
    return field


def test_where_every_place_counts_alike_nothing_changes() -> None:
    logits, maps = weigh_places(LOGITS, MAPS, View())
    assert logits is LOGITS
    assert maps is MAPS


def test_places_count_by_their_share_of_lung() -> None:
    view = View(lungs=lungs(1 / 3))
    weights = place_weights(view, PLACES)
    assert weights.mean() == pytest.approx(1.0)
    # Two of six columns are lung; shrinking lets a little of it into the third
    assert weights[:, 0] == pytest.approx(3.0, rel=0.15)
    assert not weights[:, 4:].any()
    half = np.ones((48, 60), dtype=np.float32)
    half[:24] = 0.5
    above, below = place_weights(View(lungs=half), (2, 2)).mean(axis=1)
    assert below > 1.5 * above > 0


def test_a_logit_stays_the_mean_of_its_map_and_its_bias() -> None:
    view = View(lungs=lungs(1 / 3))
    logits, maps = weigh_places(LOGITS, MAPS, view)
    assert maps.mean(axis=(0, 1)) + BIAS == pytest.approx(logits, abs=1e-5)
    expected = (MAPS * place_weights(view, PLACES)[..., np.newaxis]).mean(axis=(0, 1)) + BIAS
    assert logits == pytest.approx(expected, abs=1e-5)
    assert np.abs(logits - LOGITS).max() > 0.05
    # What lies beside the lungs is not heard
    beside = MAPS.copy()
    beside[:, 4:] += 9.0
    heard, _ = weigh_places(beside.mean(axis=(0, 1)) + BIAS, beside, view)
    assert heard == pytest.approx(logits, abs=1e-4)


def test_a_layer_that_reads_the_pooled_features_gives_those_logits() -> None:
    features, kernel = random.normal(size=(*PLACES, 8)).astype(np.float32), random.normal(size=(8, 3))
    view = View(lungs=lungs(0.5))
    maps = (features @ kernel).astype(np.float32)
    logits, _ = weigh_places(maps.mean(axis=(0, 1)) + BIAS, maps, view)
    assert pool_features(features, view) @ kernel + BIAS == pytest.approx(logits, abs=1e-4)
    assert pool_features(features, View()) == pytest.approx(features.mean(axis=(0, 1)), abs=1e-6)


@pytest.mark.parametrize(("share", "shown"), [(0.0, False), (0.02, False), (0.1, True)])
def test_with_hardly_any_lung_every_place_counts_alike(share: float, shown: bool) -> None:
    view = View(lungs=lungs(share))
    assert shows_lungs(view) is shown
    assert bool(np.ptp(place_weights(view, PLACES)) > 0) is shown
    assert LEAST_SHARE == 0.05
    assert not shows_lungs(View())
