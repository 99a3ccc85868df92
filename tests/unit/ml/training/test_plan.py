from __future__ import annotations

import json

import pytest

from ml.spec import Modality
from ml.training.fit.plan import Phase, Plan, parse_phases


def test_sizes_are_read_in_order_with_a_frozen_start() -> None:
    assert parse_phases("96:16,128:12", frozen_epochs=3) == (Phase(96, 3, frozen=True), Phase(96, 16), Phase(128, 12))


@pytest.mark.parametrize("text", ["", "96", "96:a", "96:1:2", "96:16;128:12"])
def test_sizes_that_cannot_be_read_get_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="SIDE:EPOCHS"):
        parse_phases(text)


def test_a_plan_survives_the_way_through_json() -> None:
    plan = Plan(Modality.CT, "xception", parse_phases("96:1,128:2"), weights="imagenet", seed=4)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_pretrained_backbones_take_smaller_steps_than_networks_from_scratch() -> None:
    def rate(weights: str | None) -> float:
        return Plan(Modality.CXR, "vgg16", (Phase(96, 1),), weights=weights).rate(frozen=False)

    assert rate("imagenet") < rate("other/best.weights.h5") < rate(None)
