"""The recipes of everything that ships can be followed, in their order."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

from ml import architectures
from ml.spec import Modality
from ml.training.publish.recipes import RECIPES


def test_every_architecture_has_a_recipe_for_either_modality() -> None:
    made = {(recipe.architecture, recipe.modality) for recipe in RECIPES}
    assert made == {(name, modality) for name in architectures.ARCHITECTURES for modality in Modality}
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES) == 12


def test_what_a_recipe_starts_from_is_made_before_it(tmp_path: Path) -> None:
    made: set[Path] = set()
    for recipe in RECIPES:
        plan = recipe.plan(tmp_path)
        if plan.grown_from:
            assert Path(plan.grown_from) in made
        if plan.weights:
            assert Path(plan.weights).parent in made
        assert plan.final_side >= architectures.find(plan.architecture).smallest_side
        assert (tmp_path / recipe.name).name == plan.name
        made.add(tmp_path / recipe.name)
