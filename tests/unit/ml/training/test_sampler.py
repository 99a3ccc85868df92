from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.training.data.sampler import LARGEST_IMBALANCE, MOST_OF_A_GROUP, Sampler

MEMBERS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=150).map(
    lambda pairs: Sampler(
        np.array([label for label, _ in pairs]), np.array([f"g{label}-{group}" for label, group in pairs])
    )
)


@given(MEMBERS, st.integers(0, 9))
def test_an_epoch_shows_no_image_twice_and_drowns_nobody(sampler: Sampler, seed: int) -> None:
    drawn = sampler.draw(np.random.default_rng(seed))
    assert len(drawn) == len(set(drawn.tolist())) == sampler.size
    labels, groups = Counter(sampler.labels[drawn].tolist()), Counter(sampler.groups[drawn].tolist())
    assert labels == sampler.counts
    assert set(labels) == set(sampler.labels.tolist())
    assert max(groups.values()) <= MOST_OF_A_GROUP
    assert max(labels.values()) <= LARGEST_IMBALANCE * min(labels.values())


@given(MEMBERS)
def test_weights_make_labels_count_the_same(sampler: Sampler) -> None:
    totals = [sampler.counts[label] * weight for label, weight in sampler.weights.items()]
    assert totals == pytest.approx([sampler.size / len(totals)] * len(totals))


def test_images_that_had_to_wait_get_their_turn() -> None:
    sampler = Sampler(np.array([0] * 40 + [1] * 12), np.array(["block"] * 40 + ["other"] * 12))
    random = np.random.default_rng(0)
    assert set(np.concatenate([sampler.draw(random) for _ in range(30)]).tolist()) == set(range(52))
