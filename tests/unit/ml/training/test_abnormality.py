"""Whether a lung is abnormal: chosen on the validation part, measured on the test part, by source."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ml
from ml.abnormality import AbnormalityPoint
from ml.ensemble import EnsembleSpec, ensembles
from ml.spec import Modality
from ml.training.measure import abnormality
from ml.training.measure.calibration import Line
from ml.training.measure.predictions import PREDICTIONS, read_predictions
from ml.training.measure.report import plain
from ml.training.measure.sources import rates_by_source
from ml.training.scored_images import ScoredImages
from tests.unit.ml.training.test_metrics import scored

WEIGHTS = Path(ml.__file__).parent / "weights"
SHIPPED = {ensemble.modality: ensemble for ensemble in ensembles(WEIGHTS)}


def distorted(what: ScoredImages, slope: float, intercept: float) -> ScoredImages:
    """The same images with labels drawn from the line of the logit, so that the right calibration is known."""
    summed = what.probabilities[:, :2].sum(axis=1)
    chances = 1 / (1 + np.exp(-(slope * np.log(summed / (1 - summed)) + intercept)))
    abnormal = np.random.default_rng(3).random(len(summed)) < chances
    return replace(what, labels=np.where(abnormal, 0, 2))


def test_the_calibration_finds_the_line_that_the_labels_follow() -> None:
    line = abnormality.fit(distorted(scored(20_000, skill=2.0), 0.7, -0.5))
    assert line.slope == pytest.approx(0.7, abs=0.05)
    assert line.intercept == pytest.approx(-0.5, abs=0.05)


def test_a_group_of_many_images_counts_as_one() -> None:
    """A patient with a hundred films must not teach the calibration a hundred times."""
    one = distorted(scored(400), 1.0, 0.0)
    often = one.take(np.concatenate([np.arange(400), np.repeat(np.flatnonzero(one.labels == 0)[:1], 100)]))
    before, after = abnormality.fit(one), abnormality.fit(often)
    assert (after.slope, after.intercept) == pytest.approx((before.slope, before.intercept), abs=1e-3)


def test_the_bounds_keep_their_aims_on_the_validation_part_and_look_at_no_test_image() -> None:
    validation, test = scored(600, seed=1), scored(400, seed=2)
    point = abnormality.choose_point(validation, test)
    asked = abnormality.as_abnormal(validation, Line(point.slope, point.intercept))
    assert (asked.score >= point.threshold)[asked.positive].mean() >= abnormality.SENSITIVITY_AIM
    assert (asked.score < point.abnormal_from)[~asked.positive].mean() >= abnormality.SPECIFICITY_AIM
    other = abnormality.choose_point(validation, scored(400, seed=7, skill=0.1))
    bounds = ("slope", "intercept", "threshold", "abnormal_from")
    assert [getattr(point, name) for name in bounds] == [getattr(other, name) for name in bounds]
    assert other.sensitivity != point.sensitivity


def test_places_that_show_lungs_of_one_kind_neither_choose_nor_count() -> None:
    """Diseased lungs from a place of their own would move the bounds: the place is told, not the lung."""
    both, sick = scored(600, seed=1), scored(300, seed=4)
    at_home = replace(both, sources=np.array(["rsna-opacity"] * 600))
    elsewhere = replace(sick, sources=np.array(["covid-cxnet"] * 300), labels=np.zeros(300, dtype=np.int64))
    everything = joined(at_home, elsewhere)
    point = abnormality.choose_point(everything, everything, ("rsna",))
    alone = abnormality.choose_point(at_home, at_home)
    bounds = ("slope", "intercept", "threshold", "abnormal_from", "sensitivity", "specificity")
    assert [getattr(point, name) for name in bounds] == [getattr(alone, name) for name in bounds]
    assert point.threshold != abnormality.choose_point(everything, everything).threshold
    assert point.domains == ("rsna",)
    assert point.measured_on == "the images of rsna in the test part"
    sick_at_home = int((both.labels != 2).sum())
    assert f"(rsna: {sick_at_home} images of abnormal lungs in " in point.chosen_for
    assert set(point.sources) == {"rsna-opacity", "covid-cxnet"}
    measured = abnormality.measure_abnormality(everything, point)
    assert sum(measured["support"].values()) == 600
    told = abnormality.home(everything, everything, point.domains)
    assert sum(told["support"]["test"].values()) == sum(told["support"]["validation"].values()) == 600
    assert told["chosen_on"]["threshold"]["images"] == sick_at_home
    assert told["chosen_on"]["threshold"]["missed"] == sick_at_home // 20
    assert told["chosen_on"]["positive_from"]["missed"] == (600 - sick_at_home) // 10
    assert AbnormalityPoint.from_fields(point.to_fields()) == point
    # Stored results of the version before, and what was hashed of them, stay as they were
    assert "domains" not in alone.to_fields()
    assert AbnormalityPoint.from_fields(alone.to_fields()) == alone


def joined(*parts: ScoredImages) -> ScoredImages:
    arrays = ("probabilities", "labels", "sources", "groups", "paths")
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays})


def test_what_is_measured_is_what_is_served() -> None:
    test = scored(50, seed=2)
    point = abnormality.choose_point(scored(300, seed=1), test)
    asked = abnormality.as_abnormal(test, Line(point.slope, point.intercept))
    for probabilities, expected in zip(test.probabilities, asked.score, strict=True):
        served = point.probability(dict(zip(test.names, probabilities.tolist(), strict=True)))
        assert served == pytest.approx(expected)


def test_a_source_without_one_side_has_no_rate_for_it() -> None:
    one = scored(200)
    one = replace(one, sources=np.where(one.labels == 0, "hospital", one.sources))
    rates = rates_by_source(one, 0.4, sides=("positive", "negative"))
    assert rates["hospital"]["specificity"] is None
    assert rates["hospital"]["negative"] == 0
    assert rates["hospital"]["sensitivity"]["value"] == pytest.approx((one.score >= 0.4)[one.positive].mean(), abs=1e-4)
    assert rates["a"]["sensitivity"] is None
    assert sum(each["positive"] + each["negative"] for each in rates.values()) == 200


def test_other_disease_is_where_the_positive_label_must_show() -> None:
    """A classifier that only tells disease from health ranks nothing among images of abnormal lungs."""
    one = scored(3000, skill=0.0)
    sick = one.labels != 2
    blind = one.saying(np.where(sick[:, None], [0.4, 0.4, 0.2], [0.1, 0.1, 0.8]))
    point = abnormality.choose_point(scored(300), blind)
    found = abnormality.measure_abnormality(blind, point)
    assert found["estimates"]["auc"]["value"] == 1.0
    assert found["among_abnormal"]["auc"]["value"] == 0.5


def test_an_ensemble_that_knows_no_normal_lung_is_not_asked() -> None:
    ct = replace(scored(10), names=("covid", "pneumonia", "non-covid"))
    assert not abnormality.can_be_asked(ct)
    assert abnormality.can_be_asked(scored(10))


@pytest.fixture(scope="module")
def xray() -> tuple[EnsembleSpec, dict[str, ScoredImages], dict[str, Any]]:
    """What ships, with what is stored beside it."""
    ensemble = SHIPPED[Modality.CXR]
    folder = WEIGHTS / ensemble.identity
    return ensemble, read_predictions(folder / PREDICTIONS), json.loads((folder / "metrics.json").read_text())


def test_the_shipped_point_follows_from_the_stored_predictions(
    xray: tuple[EnsembleSpec, dict[str, ScoredImages], dict[str, Any]],
) -> None:
    ensemble, said, report = xray
    assert ensemble.abnormality is not None
    again = abnormality.choose_point(said["validation"], said["test"], ensemble.abnormality.domains)
    # What it is worth at new places is measured afterwards, by teaching it anew
    assert replace(ensemble.abnormality, new_places={}) == again
    measured = abnormality.measure_abnormality(said["test"], again)
    assert {name: report["abnormality"][name] for name in measured} == measured


def test_what_the_second_question_is_told_from_without_a_lung_is_stored_and_printed(
    xray: tuple[EnsembleSpec, dict[str, ScoredImages], dict[str, Any]],
) -> None:
    """P(covid) falls where lungs look normal: pooled, blacked-out lungs look like chance although they are not."""
    ensemble, said, report = xray
    folder = WEIGHTS / ensemble.identity
    found = abnormality.second_question_controls(said["test"], folder, "test")
    assert {place: plain(areas) for place, areas in found.items()} == report["abnormality"]["second_question"]
    card = (folder / "CARD.md").read_text()
    blind = found["ieee8023"]["lungs_blacked_out"]
    assert f"- From images whose lungs are blacked out, the second question alone, within ieee8023: {blind}\n" in card
    assert ("**What lies beside the lungs of ieee8023 answers" in card) == (blind.low > 0.5)


def test_where_no_place_shows_both_nothing_is_said_of_the_second_question(tmp_path: Path) -> None:
    said = scored(40)
    assert abnormality.second_question_controls(said, tmp_path, "test") == {}
    here = replace(said, sources=np.full(len(said.labels), "ieee8023"))
    assert list(abnormality.second_question_controls(here, tmp_path, "test")["ieee8023"]) == ["as_they_are"]
    ill = here.take(here.labels == 0)
    assert abnormality.second_question_controls(ill, tmp_path, "test") == {}
    slices = ScoredImages(
        ("covid", "non-covid"),
        said.probabilities[:, :2],
        np.minimum(said.labels, 1),
        here.sources,
        said.groups,
        said.paths,
    )
    assert abnormality.second_question_controls(slices, tmp_path, "test") == {}


def test_the_shipped_rates_are_shares_of_the_images_of_each_source(
    xray: tuple[EnsembleSpec, dict[str, ScoredImages], dict[str, Any]],
) -> None:
    ensemble, said, _ = xray
    test, point = said["test"], ensemble.abnormality
    assert point is not None
    sick = test.labels != ensemble.labels.index("normal")
    answers = [dict(zip(test.names, row, strict=True)) for row in test.probabilities.tolist()]
    called = np.array([point.probability(answer) >= point.threshold for answer in answers])
    for source, rates in point.sources.items():
        here = test.sources == source
        assert (rates["abnormal"], rates["normal"]) == ((here & sick).sum(), (here & ~sick).sum())
        if rates["sensitivity"]:
            assert rates["sensitivity"]["value"] == pytest.approx(called[here & sick].mean(), abs=1e-4)
        if rates["specificity"]:
            assert rates["specificity"]["value"] == pytest.approx((~called)[here & ~sick].mean(), abs=1e-4)
    assert set(point.sources) == set(ensemble.sources) == set(test.sources.tolist())


def test_ct_is_for_research_only_and_x_rays_are_asked_the_first_question() -> None:
    assert SHIPPED[Modality.CT].research_only
    assert SHIPPED[Modality.CT].abnormality is None
    assert not SHIPPED[Modality.CXR].research_only
    assert SHIPPED[Modality.CXR].abnormality is not None


@pytest.mark.parametrize("modality", list(Modality))
def test_the_version_before_stays_and_gave_the_same_probabilities(modality: Modality) -> None:
    """Old results find their card, and their probabilities still mean what they meant."""
    old, new = (WEIGHTS / f"panel-{modality.value}" / version for version in ("1.0.0", "1.1.0"))
    assert (old / "CARD.md").is_file()
    before, after = (EnsembleSpec.from_json((folder / "panel.json").read_text()) for folder in (old, new))
    assert (before.members, before.temperature, before.operating_point) == (
        after.members,
        after.temperature,
        after.operating_point,
    )
