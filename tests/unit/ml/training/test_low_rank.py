"""Cheaper convolutions say nearly what the published ones said, and the arithmetic that they save is real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

import keras

from ml import architectures
from ml.spec import Modality
from ml.training.fit import low_rank
from ml.training.fit.low_rank import ranks_of, reduce_ranks
from ml.training.fit.plan import Objective, Plan, parse_phases
from tests.unit.ml.training.tiny import chain_architecture

pytestmark = pytest.mark.filterwarnings("ignore")
SIDE = 64


def pictures(count: int, seed: int) -> np.ndarray:
    """Soft spots in three equal colours, as a trunk gets them of grey images."""
    random = np.random.default_rng(seed)
    coarse = np.kron(random.normal(size=(count, SIDE // 8, SIDE // 8)), np.ones((8, 8)))
    grey = coarse + 0.1 * random.normal(size=(count, SIDE, SIDE))
    return np.repeat(grey[..., np.newaxis], 3, axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def backbone() -> Iterator[keras.Model]:
    keras.utils.set_random_seed(0)
    with chain_architecture():
        yield architectures.backbone_of(architectures.build("chain", 3))


def cheaper(backbone: keras.Model, kept: float) -> tuple[keras.Model, dict[str, int]]:
    weights = reduce_ranks(backbone, pictures(16, seed=1), kept)
    ranks = ranks_of(weights)
    model = architectures.backbone_of(architectures.build("chain", 3, ranks=ranks))
    for name, held in weights.items():
        model.get_layer(name).set_weights(held)
    return model, ranks


def test_what_it_keeps_decides_how_near_it_comes(backbone: keras.Model) -> None:
    others = pictures(4, seed=2)
    said = np.asarray(backbone(others))
    errors, sizes = [], []
    for kept in (0.6, 0.97):
        model, ranks = cheaper(backbone, kept)
        errors.append(float(((np.asarray(model(others)) - said) ** 2).mean() / said.var()))
        sizes.append(model.count_params())
        assert all(rank % low_rank.STEP == 0 for rank in ranks.values())
        # The one that reads the image stays as it is
        assert "reads" not in ranks
        assert ranks
    assert errors[1] < 0.5 * errors[0]
    assert errors[1] < 0.2
    assert sizes[0] < sizes[1] < backbone.count_params()


def test_a_pair_gives_what_was_published_from_what_it_gets() -> None:
    """The layers before it leave half of what they should: the pair gives the whole all the same."""
    random = np.random.default_rng(4)
    layer = keras.layers.Conv2D(64, 3, padding="same", name="conv")
    layer.build((None, None, None, 16))
    published = (random.normal(size=(8, 16, 16, 2)) @ random.normal(size=(2, 16))).astype(np.float32)
    pair = low_rank._pair(layer, published, published / 2, 0.999, random)
    assert [part.name for part in pair] == ["conv", "conv_mixed"]
    wanted = low_rank._run([layer], published)
    assert ((low_rank._run(pair, published / 2) - wanted) ** 2).mean() < 0.01 * wanted.var()


def test_a_layer_makes_up_for_those_before_it(backbone: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fitted to what the published layer gets, and not to what it will get, each adds its error to the others."""
    others = pictures(4, seed=2)
    said = np.asarray(backbone(others))
    fitted, _ = cheaper(backbone, 0.8)
    pair = low_rank._pair
    monkeypatch.setattr(low_rank, "_pair", lambda layer, published, _, *more: pair(layer, published, published, *more))
    alone, _ = cheaper(backbone, 0.8)
    near, far = (((np.asarray(model(others)) - said) ** 2).mean() for model in (fitted, alone))
    assert near < far


def test_what_would_save_nothing_is_left_as_it_is(backbone: keras.Model) -> None:
    assert ranks_of(reduce_ranks(backbone, pictures(8, seed=1), 1 - 1e-12)) == {}


def test_only_a_plain_chain_of_layers_is_made_cheaper() -> None:
    with pytest.raises(ValueError, match="choose vgg16 or vgg19"):
        architectures.build("resnet50", 3, ranks={"conv1_conv": 16})
    with pytest.raises(ValueError, match="no convolutions are of reduced rank"):
        architectures.build("vgg16", 3, ranks={"no_such_layer": 16})


@pytest.mark.parametrize("changed", [{"last_layer": False}, {"weights": "run/best.weights.h5"}])
def test_only_the_convolutions_of_a_trunk_are_made_cheaper(changed: dict[str, object], tmp_path: Path) -> None:
    fields: dict[str, object] = {"modality": Modality.CXR, "architecture": "vgg16", "phases": parse_phases("32:0")}
    fields |= {"weights": str(tmp_path / "trunk.h5"), "objective": Objective.QUESTIONS, "last_layer": True}
    plan = Plan(**fields, kept=0.9)  # type: ignore[arg-type]
    assert Plan.from_json(plan.to_json()) == plan
    with pytest.raises(ValueError, match="Only of a trunk"):
        Plan(**fields | changed, kept=0.9)  # type: ignore[arg-type]
