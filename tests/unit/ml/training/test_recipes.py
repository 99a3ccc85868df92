"""The recipes of everything that ships can be followed, in their order."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

from ml import architectures
from ml.serving.bundle import read_bundle
from ml.spec import Modality, version_order
from ml.training.fit.plan import Objective
from ml.training.publish.recipes import QUESTION_RECIPES, RECIPES, WEIGHTS_ROOT, make


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


def test_a_network_that_starts_as_a_released_one_keeps_its_width(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leave out --width"):
        next(make(tmp_path, tmp_path, tmp_path, QUESTION_RECIPES, version="2.0.0", width=2))


def test_every_classifier_that_is_taught_questions_starts_as_a_released_one(tmp_path: Path) -> None:
    assert {recipe.architecture for recipe in QUESTION_RECIPES} == set(architectures.ARCHITECTURES)
    for recipe in QUESTION_RECIPES:
        plan, before = recipe.plan(tmp_path), recipe.before("2.0.0")
        assert plan.objective is Objective.QUESTIONS
        assert plan.warm_starts
        assert before == f"{recipe.name}/{recipe.start}"
        assert read_bundle(WEIGHTS_ROOT / before).spec.width == plan.width
        assert version_order(str(recipe.start)) < version_order("2.0.0")
