from __future__ import annotations

import numpy as np
import pytest

from ml.training.measure.weighing import weigh
from ml.training.scored_images import ScoredImages
from tests.unit.ml.training.members import answered, at_real_places, images


def _about(count: int = 600) -> ScoredImages:
    return at_real_places(images(count, part="validation"))


def _weights(about: ScoredImages, *skills: float) -> tuple[float, ...]:
    said = [answered(about, seed=number, skill=skill).probabilities for number, skill in enumerate(skills)]
    return weigh(np.stack(said), about)


def test_who_answers_better_counts_more_and_who_guesses_next_to_nothing() -> None:
    good, fair, guessing = _weights(_about(), 3.0, 1.5, 0.0)
    assert good > fair > guessing
    assert guessing < 0.1


def test_members_of_one_skill_count_alike() -> None:
    assert _weights(_about(), 2.0, 2.0, 2.0) == pytest.approx((1 / 3,) * 3, abs=0.12)


def test_weights_are_shares() -> None:
    weights = _weights(_about(120), 1.0, 2.0, 0.5, 1.5)
    assert sum(weights) == pytest.approx(1.0)
    assert min(weights) >= 0


def test_a_place_that_can_answer_no_question_has_no_say() -> None:
    about = _about()
    elsewhere = at_real_places(images(600, part="more"))
    elsewhere = ScoredImages(
        elsewhere.names,
        elsewhere.probabilities,
        elsewhere.labels,
        np.full(600, "covid-cxnet"),
        elsewhere.groups,
        elsewhere.paths,
    )
    first = [answered(about, seed=1, skill=3.0).probabilities, answered(about, seed=2, skill=1.0).probabilities]
    # There the weaker one knows all and the stronger one nothing
    second = [
        answered(elsewhere, seed=3, skill=0.0).probabilities,
        answered(elsewhere, seed=4, skill=9.0).probabilities,
    ]
    joined = ScoredImages(
        about.names,
        *(np.concatenate([getattr(about, name), getattr(elsewhere, name)]) for name in ("probabilities", "labels")),
        *(np.concatenate([getattr(about, name), getattr(elsewhere, name)]) for name in ("sources", "groups", "paths")),
    )
    said = np.stack([np.concatenate([one, other]) for one, other in zip(first, second, strict=True)])
    assert weigh(said, joined) == weigh(np.stack(first), about)
