from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.ensemble import EnsembleSpec, ensembles
from ml.spec import Modality, SpecInvalid
from tests.unit.ml.specs import ABNORMALITY, POINT

ENSEMBLE = EnsembleSpec(
    name="panel-cxr",
    version="1.0.0",
    modality=Modality.CXR,
    labels=("covid", "pneumonia", "normal"),
    members=("vgg16-cxr/1.0.0", "xception-cxr/1.2.0"),
    temperature=2.0,
    operating_point=POINT,
    metrics={"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}},
)
ONE = {"covid": 0.5, "pneumonia": 0.3, "normal": 0.2}
OTHER = {"covid": 0.1, "pneumonia": 0.2, "normal": 0.7}
ANSWERS = {"vgg16-cxr/1.0.0": ONE, "xception-cxr/1.2.0": OTHER}


def store(root: Path, ensemble: EnsembleSpec, *, folder: str | None = None) -> Path:
    path = root / (folder or ensemble.identity) / "panel.json"
    path.parent.mkdir(parents=True)
    path.write_text(ensemble.to_json())
    return path


def test_a_ensemble_survives_the_way_through_json() -> None:
    assert EnsembleSpec.from_json(ENSEMBLE.to_json()) == ENSEMBLE


def test_what_an_ensemble_is_asked_first_and_told_by_source_survives_too() -> None:
    rates = {"sensitivity": {"value": 0.9, "low": 0.8, "high": 0.95}, "specificity": None, "positive": 9, "negative": 0}
    whole = replace(ENSEMBLE, abnormality=ABNORMALITY, sources={"a": rates}, answers={"covid": {}}, research_only=True)
    again = EnsembleSpec.from_json(whole.to_json())
    assert again == whole
    assert again.abnormality == ABNORMALITY


def test_an_ensemble_from_before_the_question_is_read_as_it_was() -> None:
    fields = json.loads(ENSEMBLE.to_json())
    for name in ("abnormality", "sources", "answers", "research_only", "weights"):
        del fields[name]
    assert EnsembleSpec.from_json(json.dumps(fields)) == ENSEMBLE


def test_the_combination_is_the_softened_mean_of_the_logarithms() -> None:
    powers = [(ONE[name] * OTHER[name]) ** (1 / 2 / ENSEMBLE.temperature) for name in ENSEMBLE.labels]
    said = ENSEMBLE.combine(ANSWERS)
    assert list(said) == ["covid", "pneumonia", "normal"]
    assert list(said.values()) == pytest.approx([power / sum(powers) for power in powers])


def test_a_member_counts_as_much_as_its_weight() -> None:
    weighed = replace(ENSEMBLE, temperature=1.0, weights=(0.8, 0.2))
    powers = [ONE[name] ** 0.8 * OTHER[name] ** 0.2 for name in ENSEMBLE.labels]
    turned = {name: ANSWERS[name] for name in reversed(ANSWERS)}
    assert list(weighed.combine(turned).values()) == pytest.approx([power / sum(powers) for power in powers])
    assert EnsembleSpec.from_json(weighed.to_json()) == weighed
    equal = replace(ENSEMBLE, weights=(0.5, 0.5))
    assert equal.combine(ANSWERS) == pytest.approx(ENSEMBLE.combine(ANSWERS))


@pytest.mark.parametrize("weights", [(1.0,), (1.5, -0.5), (0.5, 0.4), (float("nan"), 1.0)])
def test_weights_that_are_no_shares_of_the_members_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(SpecInvalid, match="Weights are one for each member"):
        replace(ENSEMBLE, weights=weights)


def test_the_order_of_answers_and_labels_does_not_matter() -> None:
    turned = {name: dict(reversed(said.items())) for name, said in reversed(ANSWERS.items())}
    assert ENSEMBLE.combine(turned) == ENSEMBLE.combine(ANSWERS)


def test_members_of_one_mind_say_what_each_says_at_temperature_one() -> None:
    ensemble = replace(ENSEMBLE, temperature=1.0)
    assert ensemble.combine(dict.fromkeys(ensemble.members, ONE)) == pytest.approx(ONE)


def test_a_member_that_is_certain_does_not_decide_alone() -> None:
    certain = {"covid": 0.0, "pneumonia": 0.0, "normal": 1.0}
    said = ENSEMBLE.combine({"vgg16-cxr/1.0.0": ONE, "xception-cxr/1.2.0": certain})
    assert np.isfinite(list(said.values())).all()
    assert said["covid"] > 0.01


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"vgg16-cxr/1.0.0": ONE}, "panel-cxr/1.0.0 was not measured without xception-cxr/1.2.0."),
        ({**ANSWERS, "vgg19-cxr/1.0.0": ONE}, "panel-cxr/1.0.0 was not measured with vgg19-cxr/1.0.0."),
        (
            {"vgg16-cxr/1.0.0": ONE, "xception-cxr/1.3.0": OTHER},
            "panel-cxr/1.0.0 was not measured without xception-cxr/1.2.0 and with xception-cxr/1.3.0.",
        ),
    ],
)
def test_only_the_members_it_was_measured_with_are_combined(answers: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match="was not measured") as refusal:
        ENSEMBLE.combine(answers)
    assert str(refusal.value) == sentence


def test_an_answer_for_other_labels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"vgg16-cxr/1\.0\.0 answers for other labels"):
        ENSEMBLE.combine({**ANSWERS, "vgg16-cxr/1.0.0": {"covid": 0.4, "non-covid": 0.6}})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": "panel-ct"}, "cxr ensemble"),
        ({"version": "1"}, "version"),
        ({"labels": ("covid",)}, "Labels"),
        ({"labels": ("pneumonia", "normal")}, "positive label"),
        ({"members": ("vgg16-cxr/1.0.0",)}, "two or more"),
        ({"members": ("vgg16-cxr/1.0.0",) * 2}, "differ"),
        ({"members": ("vgg16-cxr/1.0.0", "xception-cxr")}, "named like"),
        ({"temperature": 0.0}, "temperature"),
        ({"abnormality": replace(ABNORMALITY, labels=("covid", "tuberculosis"))}, "clear one"),
        ({"abnormality": replace(ABNORMALITY, labels=("covid", "pneumonia", "normal"))}, "clear one"),
    ],
)
def test_a_ensemble_that_contradicts_itself_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(SpecInvalid, match=word):
        replace(ENSEMBLE, **changes)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"name": "panel-cxr"}'])
def test_text_that_is_no_ensemble_is_refused(text: str) -> None:
    with pytest.raises(SpecInvalid):
        EnsembleSpec.from_json(text)


def test_the_newest_ensemble_of_each_modality_is_found(tmp_path: Path) -> None:
    other = replace(ENSEMBLE, name="panel-ct", modality=Modality.CT)
    for ensemble in (replace(ENSEMBLE, version="1.10.0"), replace(ENSEMBLE, version="1.9.0"), other):
        store(tmp_path, ensemble)
    (tmp_path / "vgg16-cxr" / "1.0.0").mkdir(parents=True)
    assert [ensemble.identity for ensemble in ensembles(tmp_path)] == ["panel-ct/1.0.0", "panel-cxr/1.10.0"]


def test_without_ensembles_there_are_none(tmp_path: Path) -> None:
    assert ensembles(tmp_path) == ()


def test_a_ensemble_in_the_wrong_folder_is_refused(tmp_path: Path) -> None:
    store(tmp_path, ENSEMBLE, folder="panel-cxr/2.0.0")
    with pytest.raises(SpecInvalid, match="Move it"):
        ensembles(tmp_path)


def test_a_broken_ensemble_is_refused_by_its_path(tmp_path: Path) -> None:
    path = store(tmp_path, ENSEMBLE)
    path.write_text(json.dumps(json.loads(ENSEMBLE.to_json()) | {"surprise": 1}))
    with pytest.raises(SpecInvalid, match="Restore it") as refusal:
        ensembles(tmp_path)
    assert str(path) in str(refusal.value)
