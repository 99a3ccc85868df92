from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.ensemble import PanelSpec, panels
from ml.spec import Modality, SpecInvalid
from tests.unit.ml.specs import POINT

PANEL = PanelSpec(
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


def store(root: Path, panel: PanelSpec, *, folder: str | None = None) -> Path:
    path = root / (folder or panel.identity) / "panel.json"
    path.parent.mkdir(parents=True)
    path.write_text(panel.to_json())
    return path


def test_a_panel_survives_the_way_through_json() -> None:
    assert PanelSpec.from_json(PANEL.to_json()) == PANEL


def test_the_combination_is_the_softened_mean_of_the_logarithms() -> None:
    powers = [(ONE[name] * OTHER[name]) ** (1 / 2 / PANEL.temperature) for name in PANEL.labels]
    said = PANEL.combine(ANSWERS)
    assert list(said) == ["covid", "pneumonia", "normal"]
    assert list(said.values()) == pytest.approx([power / sum(powers) for power in powers])


def test_the_order_of_answers_and_labels_does_not_matter() -> None:
    turned = {name: dict(reversed(said.items())) for name, said in reversed(ANSWERS.items())}
    assert PANEL.combine(turned) == PANEL.combine(ANSWERS)


def test_members_of_one_mind_say_what_each_says_at_temperature_one() -> None:
    panel = replace(PANEL, temperature=1.0)
    assert panel.combine(dict.fromkeys(panel.members, ONE)) == pytest.approx(ONE)


def test_a_member_that_is_certain_does_not_decide_alone() -> None:
    certain = {"covid": 0.0, "pneumonia": 0.0, "normal": 1.0}
    said = PANEL.combine({"vgg16-cxr/1.0.0": ONE, "xception-cxr/1.2.0": certain})
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
        PANEL.combine(answers)
    assert str(refusal.value) == sentence


def test_an_answer_for_other_labels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"vgg16-cxr/1\.0\.0 answers for other labels"):
        PANEL.combine({**ANSWERS, "vgg16-cxr/1.0.0": {"covid": 0.4, "non-covid": 0.6}})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": "panel-ct"}, "cxr panel"),
        ({"version": "1"}, "version"),
        ({"labels": ("covid",)}, "Labels"),
        ({"labels": ("pneumonia", "normal")}, "positive label"),
        ({"members": ("vgg16-cxr/1.0.0",)}, "two or more"),
        ({"members": ("vgg16-cxr/1.0.0",) * 2}, "differ"),
        ({"members": ("vgg16-cxr/1.0.0", "xception-cxr")}, "named like"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_a_panel_that_contradicts_itself_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(SpecInvalid, match=word):
        replace(PANEL, **changes)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"name": "panel-cxr"}'])
def test_text_that_is_no_panel_is_refused(text: str) -> None:
    with pytest.raises(SpecInvalid):
        PanelSpec.from_json(text)


def test_the_newest_panel_of_each_modality_is_found(tmp_path: Path) -> None:
    other = replace(PANEL, name="panel-ct", modality=Modality.CT)
    for panel in (replace(PANEL, version="1.10.0"), replace(PANEL, version="1.9.0"), other):
        store(tmp_path, panel)
    (tmp_path / "vgg16-cxr" / "1.0.0").mkdir(parents=True)
    assert [panel.identity for panel in panels(tmp_path)] == ["panel-ct/1.0.0", "panel-cxr/1.10.0"]


def test_without_panels_there_are_none(tmp_path: Path) -> None:
    assert panels(tmp_path) == ()


def test_a_panel_in_the_wrong_folder_is_refused(tmp_path: Path) -> None:
    store(tmp_path, PANEL, folder="panel-cxr/2.0.0")
    with pytest.raises(SpecInvalid, match="Move it"):
        panels(tmp_path)


def test_a_broken_panel_is_refused_by_its_path(tmp_path: Path) -> None:
    path = store(tmp_path, PANEL)
    path.write_text(json.dumps(json.loads(PANEL.to_json()) | {"surprise": 1}))
    with pytest.raises(SpecInvalid, match="Restore it") as refusal:
        panels(tmp_path)
    assert str(path) in str(refusal.value)
