"""The recipes of everything that ships can be followed, in their order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

from ml import architectures
from ml.__main__ import main
from ml.serving.bundle import read_bundle
from ml.spec import Modality, version_order
from ml.training.fit.plan import Objective
from ml.training.publish.recipes import (
    LAST_LAYER_RECIPES,
    QUESTION_RECIPES,
    RECIPES,
    WEIGHTS_ROOT,
    Recipe,
    make,
)
from ml.trunks.releases import find


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


def test_the_released_network_that_one_starts_as_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lacks resnet50-cxr/1\.0\.0, from which resnet50-cxr goes on"):
        next(make(tmp_path, tmp_path, tmp_path, LAST_LAYER_RECIPES[1:], version="2.0.0"))


def test_the_last_layer_is_taught_questions(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", "data", "--runs", "runs", "--version", "2.0.0", "--last-layer"]
    assert main(["models", *options]) == 2
    assert "give --objective questions too" in capsys.readouterr().err


def test_version_4_for_xrays_is_what_the_recipes_of_its_last_layers_make(tmp_path: Path) -> None:
    for recipe in (each for each in LAST_LAYER_RECIPES if each.modality is Modality.CXR):
        plan, spec = recipe.plan(tmp_path), read_bundle(WEIGHTS_ROOT / recipe.name / "4.1.0").spec
        assert (spec.width, spec.preprocessing) == (plan.width, plan.recipe)
        assert spec.input_size == (plan.final_side, plan.final_side)
        assert plan.last_layer
        assert plan.epochs == 0
        assert plan.fine_tunes is plan.two_levels is (recipe.trunk is not None)
        if not recipe.trunk:
            assert any(source.startswith(f"through {recipe.before('4.1.0')}: ") for source in spec.trained_on)
            continue
        assert plan.weights == str(tmp_path / f"{recipe.trunk}.h5")
        release = find(recipe.trunk)
        assert release.architecture == recipe.architecture
        assert any(release.package in source and release.terms in source for source in spec.trained_on)
        told = json.loads((WEIGHTS_ROOT / recipe.name / "4.1.0" / "metrics.json").read_text())["training"]
        assert told["kept"] == recipe.kept
        assert told["ranks"]


def test_last_layers_for_slices_read_what_the_released_networks_read(tmp_path: Path) -> None:
    """All but VGG16, which starts from the trunk; what the recipes make is not released."""
    for recipe in (each for each in LAST_LAYER_RECIPES if each.modality is Modality.CT):
        plan = recipe.plan(tmp_path)
        assert plan.last_layer
        assert plan.epochs == 0
        if recipe.trunk:
            assert (plan.two_levels, plan.fine_tunes, plan.recipe) == (True, True, "ct-1")
            continue
        spec = read_bundle(WEIGHTS_ROOT / str(recipe.before("2.0.0"))).spec
        assert (spec.width, spec.preprocessing) == (plan.width, plan.recipe)
        assert spec.input_size == (plan.final_side, plan.final_side)


def test_what_no_recipe_makes_for_a_modality_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", "data", "--runs", "runs", "--version", "3.0.0", "--objective", "questions"]
    assert main(["models", *options, "--modality", "ct"]) == 2
    assert "Nothing is made so for ct" in capsys.readouterr().err


@pytest.mark.parametrize("recipes", [QUESTION_RECIPES, LAST_LAYER_RECIPES])
def test_every_classifier_that_is_taught_questions_starts_as_a_released_one(
    recipes: tuple[Recipe, ...], tmp_path: Path
) -> None:
    for modality in {recipe.modality for recipe in recipes}:
        assert {each.architecture for each in recipes if each.modality is modality} == set(architectures.ARCHITECTURES)
    for recipe in (each for each in recipes if not each.trunk):
        plan, before = recipe.plan(tmp_path), recipe.before("2.0.0")
        assert plan.objective is Objective.QUESTIONS
        assert plan.warm_starts
        assert before == f"{recipe.name}/{recipe.start}"
        released = "2.0.0" if recipe.modality is Modality.CXR else str(recipe.start)
        assert read_bundle(WEIGHTS_ROOT / recipe.name / released).spec.width == plan.width
        assert version_order(str(recipe.start)) < version_order("2.0.0")
