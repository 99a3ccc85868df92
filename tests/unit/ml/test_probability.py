from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.probability import softmax

logits = st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=6)


@given(logits, st.floats(0.1, 10.0))
def test_probabilities_sum_to_one_however_large_the_logits(values: list[float], temperature: float) -> None:
    probabilities = softmax(values, temperature)
    assert probabilities.sum() == pytest.approx(1.0)
    assert (probabilities >= 0).all()


def test_a_higher_temperature_softens_and_keeps_the_order() -> None:
    sharp, soft = softmax([2.0, 1.0, -1.0], 0.5), softmax([2.0, 1.0, -1.0], 3.0)
    assert sharp.max() > soft.max()
    assert np.argsort(sharp).tolist() == np.argsort(soft).tolist()


def test_known_values() -> None:
    assert softmax([np.log(3.0), 0.0]) == pytest.approx([0.75, 0.25])
