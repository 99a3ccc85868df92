"""How methods are compared: what is a unit, what is composed, and that stored numbers are those of stored answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="Only training measures")

import ml
from ml.spec import Estimate, OperatingPoint
from ml.study.ct import METHOD, VERSION, Slice
from ml.study.training import measurement
from ml.study.training.tables import tables
from ml.study.training.units import CHOSEN, Unit, areas_and_leads, dilute, methods, score_units, units
from ml.training.modalities import WORDS
from ml.training.publish.asking import newest
from ml.training.scored_images import ScoredImages

ROOT = Path(ml.__file__).parent / "weights"
STORED = Path(ml.__file__).parents[1] / "docs" / "accuracy"
PARTS = pytest.mark.parametrize("part", ["validation", "test"])
HALF = Estimate(0.5, 0.4, 0.6)
WAYS = methods(OperatingPoint("covid", 0.2, 0.7, "tests", HALF, HALF, "nothing"))


def block(group: str, score: float, *, positive: bool) -> Unit:
    return Unit(group, "here", positive, tuple(Slice(f"{group}-{n}", score, 1.0) for n in range(8)))


BLOCKS = [block("a", 0.9, positive=True), block("b", 0.8, positive=True), block("c", 0.1, positive=False)]


def test_a_group_with_two_labels_is_no_unit() -> None:
    scored = ScoredImages(
        ("covid", "non-covid"),
        np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]),
        np.array([0, 0, 1]),
        np.array(["here"] * 3),
        np.array(["one", "two", "two"]),
        np.array(["x", "y", "z"]),
    )
    (unit,) = units(scored, {"x": 0.3, "y": 0.3, "z": 0.3})
    assert (unit.group, unit.positive, unit.slices) == ("one", True, (Slice("x", 0.9, 0.3),))


@pytest.mark.parametrize(("share", "own"), [(1.0, 8), (0.5, 4), (0.25, 2), (0.01, 1)])
def test_composed_studies_keep_a_stretch_of_their_own(share: float, own: int) -> None:
    composed = [unit for unit in dilute(BLOCKS, share, draws=5) if unit.positive]
    assert len(composed) == 10
    for unit in composed:
        kept = [int(one.key[2:]) for one in unit.slices if one.key.startswith(unit.group)]
        assert kept == list(range(kept[0], kept[0] + own))
        assert len(unit.slices) == 8
        assert {one.key[0] for one in unit.slices} <= {unit.group, "c"}
    assert dilute(BLOCKS, share)[-1] == BLOCKS[-1]


def test_every_method_tells_clear_blocks_apart_and_leads_are_differences() -> None:
    measured = areas_and_leads(score_units(BLOCKS, WAYS))
    assert all(measured[name] == 1.0 for name in WAYS)
    assert {name for name in measured if name.startswith("lead/")} == {f"lead/{name}" for name in WAYS} - {
        f"lead/{CHOSEN}"
    }
    assert all(measured[f"lead/{name}"] == 0.0 for name in WAYS if name != CHOSEN)


@PARTS
def test_the_stored_numbers_are_of_the_method_that_serves(part: str) -> None:
    report = json.loads((STORED / f"study-{part}.json").read_text())
    assert (report["part"], report["method"]["name"], report["method"]["version"]) == (part, METHOD, VERSION)
    assert f"| {CHOSEN} |" in tables(report)


@PARTS
def test_the_stored_numbers_of_xrays_follow_from_the_stored_answers(part: str) -> None:
    report = json.loads((STORED / f"study-{part}.json").read_text())
    assert measurement._frontals(ROOT, part) == report["frontals"]


def test_the_stored_numbers_of_ct_follow_from_answers_and_images(chest_data: Path) -> None:
    report = json.loads((STORED / "study-validation.json").read_text())
    ensemble = newest(ROOT, measurement.Modality.CT)
    named = dict(measurement._sets(ROOT, ensemble, "validation"))
    scored = named["ucsd, panel"]
    found = units(scored, measurement.lung_areas(chest_data, scored.paths))
    assert measurement._compared(found, ensemble.operating_point) == report["auc"]["ucsd, panel"]
    assert measurement._at_bounds(found, ensemble.operating_point) == report["bounds"]["ucsd, panel"]


def test_why_ct_is_for_research_only_is_what_the_stored_numbers_say() -> None:
    series = json.loads((STORED / "study-validation.json").read_text())["series"]
    why = WORDS[measurement.Modality.CT].research_only
    normal, covid = (series[f"ct-series-{kind}"]["scores"][CHOSEN] for kind in ("normal", "covid"))
    assert ("the normal one scores higher than the one with COVID-19" in why) == (normal > covid)
    inside = [each["slice_auc"] for each in series.values() if each["slice_auc"] is not None]
    assert (len(inside), sum(area < 0.5 for area in inside)) == (4, 3)
    assert "inside three of four patients with both kinds of slices those with lesions score lower" in why


def test_units_of_the_test_part_choose_nothing() -> None:
    ensemble = newest(ROOT, measurement.Modality.CT)
    tested = {group for name, scored in measurement._sets(ROOT, ensemble, "test") for group in scored.groups.tolist()}
    for _, scored in measurement._sets(ROOT, ensemble, "validation"):
        assert not tested & set(scored.groups.tolist())
