"""What was aimed at, told beside what was reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.spec import Modality
from ml.training.publish import aims
from ml.training.publish.asking import newest
from ml.training.publish.combine import WEIGHTS_ROOT
from ml.training.publish.left_out import file_of
from ml.training.publish.protocols import RESULTS
from ml.training.scored_images import ScoredImages

SURE = {"value": 0.9, "low": 0.8, "high": 0.95}


def test_what_ships_is_told_with_what_it_missed() -> None:
    told = aims.tell_aims(WEIGHTS_ROOT, RESULTS)
    stored = json.loads((RESULTS / file_of(Modality.CXR)).read_text())["as_it_ships"]
    (new,) = [each for each in told if each.what.startswith("AUC, abnormal lungs, at each place")]
    assert new.met == all(each["auc"]["value"] >= 0.88 for each in stored.values())
    assert all(place in new.reached for place in stored)
    assert {each.met for each in told} == {True, False}


def test_nothing_is_told_by_the_numbers_of_another_version(tmp_path: Path) -> None:
    stored = json.loads((RESULTS / file_of(Modality.CXR)).read_text())
    (tmp_path / file_of(Modality.CXR)).write_text(json.dumps(stored | {"ensemble": "panel-cxr/0.0.1"}))
    assert aims.tell_aims(WEIGHTS_ROOT, tmp_path) == []


@pytest.mark.parametrize(("name", "worst", "met"), [("auc", 0.87, False), ("calibration_error", 0.87, True)])
def test_every_place_has_to_reach_an_aim(name: str, worst: float, met: bool) -> None:
    found = aims._of_places("what", 0.88, {"here": {name: SURE}, "there": {name: SURE | {"value": worst}}}, name)
    assert not found.met
    alone = aims._of_places("what", 0.88, {"there": {name: SURE | {"value": worst}}}, name)
    assert alone.met == met


def _gate(**accepted: int) -> dict[str, Any]:
    kinds = {"turned": 0, "photograph, print": 0, "photograph": 0, "right, tilted by 5 degrees": 100, **accepted}
    wrong = {
        kind: {"share": {"value": share / 100}, "images": 100, "codes": {"accepted": share, "other": 100 - share}}
        for kind, share in kinds.items()
    }
    right = {"all": {"share": {"value": 0.01, "low": 0.0, "high": 0.02}}}
    return {"right_refused": {"cxr": right, "ct": right}, "wrong_accepted": {"cxr": wrong, "ct": wrong}}


def test_what_is_no_chest_is_counted_apart_from_what_is_spoilt() -> None:
    """What is hardly askew is neither."""
    assert all(each.met for each in aims._of_gate(_gate()))
    right, no_chest, spoilt = list(aims._of_gate(_gate(turned=11)))[:3]
    assert (right.met, no_chest.met, spoilt.met, spoilt.reached) == (True, True, False, "all kinds but turned")
    right, no_chest, spoilt = list(aims._of_gate(_gate(photograph=3)))[:3]
    assert (right.met, no_chest.met, no_chest.reached, spoilt.met) == (True, False, "0.970", True)


def test_healthy_lungs_hide_no_false_call_of_other_disease() -> None:
    """Nine of ten healthy lungs of a source are not called, and half of its other disease is."""
    spec = newest(WEIGHTS_ROOT, Modality.CXR)
    labels = np.array([0, 0, 1, 1, *[2] * 18])
    called = np.array([True, False, True, False, *[False] * 18])
    score = np.where(called, 0.999, 0.001)
    rest = (1 - score) / 2
    places = np.array(["there"] * len(labels))
    said = ScoredImages(spec.labels, np.stack([score, rest, rest], axis=1), labels, places, places, places)
    told = aims._positive_zone(spec, said, {"zones": {"sensitivity/positive_zone": SURE}})
    assert told.reached.startswith("0.500 at there")
    assert not told.met
