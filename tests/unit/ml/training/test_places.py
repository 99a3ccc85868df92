from __future__ import annotations

import json
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

from ml.ensemble import versions_before
from ml.preprocessing import resize
from ml.spec import Modality, zone_of
from ml.training.data.manifest import Row
from ml.training.data.questions import domain_of
from ml.training.measure import question_controls
from ml.training.measure.bootstrap import estimates
from ml.training.measure.controls import score_rows
from ml.training.measure.predictions import write_predictions
from ml.training.measure.question_controls import Control
from ml.training.measure.steadiness import CHANGES, Moves, measure_moves, zone_numbers
from ml.training.modalities import LABELS
from ml.training.publish import places, steady
from ml.training.publish.accuracy import document, read_sections
from ml.training.publish.asking import newest
from ml.training.publish.combine import WEIGHTS_ROOT, combine
from ml.training.publish.protocols import RESULTS
from tests.unit.ml.training.members import store_member
from tests.unit.ml.training.rows import row

EACH = 40


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a document whose intervals nobody looks at: with all resamples it takes a minute."""
    monkeypatch.setitem(estimates.__kwdefaults__, "resamples", 5)


def rows_of(part: int) -> list[Row]:
    """Both sides of every domain; nobody is in two parts."""
    kinds = {"rsna": "normal", "rsna-opacity": "pneumonia", "ieee8023": "covid"}
    both = [*kinds.items(), ("shenzhen", "normal"), ("shenzhen", "pneumonia"), ("ieee8023", "pneumonia")]
    return [row(1000 * part + number, source=source, label=label) for source, label in both for number in range(EACH)]


def parts(data: Path, modality: Modality) -> dict[Any, Any]:
    assert modality is Modality.CXR
    return {part: tuple(rows_of(index)) for index, part in enumerate(question_controls.Part)}


def telling(data: Path, rows: Any) -> Any:
    """The answer itself in the domains that are asked about abnormal lungs, nothing at all elsewhere."""
    answers = [float(each.label != "normal") if each.source != "ieee8023" else np.nan for each in rows]
    return np.array(answers)[:, np.newaxis]


def opposed(data: Path, rows: Any) -> Any:
    """What tells disease at one place, and health at another."""
    return telling(data, rows) * np.array([[1.0 if each.source == "shenzhen" else -1.0] for each in rows])


def test_a_control_is_fitted_in_a_domain_and_outside_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(question_controls, "split_for_questions", parts)
    controls = (Control("telling", telling), Control("opposed", opposed))
    monkeypatch.setattr(question_controls, "controls_of", lambda _: controls)
    found = question_controls.measure_controls(tmp_path)
    # The source without known features is not measured, nor one that nobody else answers the question of
    assert set(found["telling"]) == {"rsna", "shenzhen"}
    assert found["telling"]["rsna"]["within"]["value"] == 1.0
    assert found["telling"]["rsna"]["elsewhere"]["value"] == 1.0
    assert found["opposed"]["shenzhen"]["within"]["value"] == 1.0
    assert found["opposed"]["shenzhen"]["elsewhere"]["value"] == 0.0


def test_a_network_is_compared_with_controls_on_the_same_images(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One answers as it is right, one the other way round; the control is right at both places."""
    monkeypatch.setattr(question_controls, "split_for_questions", parts)
    monkeypatch.setattr(question_controls, "controls_of", lambda _: (Control("telling", telling),))
    test = rows_of(list(question_controls.Part).index(question_controls.Part.TEST))
    right = np.array([[0.1, 0.8, 0.1] if each.label != "normal" else [0.1, 0.1, 0.8] for each in test])
    # Others than the control was asked about do not count
    shown = [*test[10:], row(9999, source="rsna", label="normal")]
    answers = {
        "right": score_rows(tuple(shown), LABELS[Modality.CXR], np.vstack([right[10:], [[0.9, 0.1, 0.0]]])),
        "wrong": score_rows(tuple(test), LABELS[Modality.CXR], right[:, [0, 2, 1]]),
    }
    above = question_controls.measure_controls(tmp_path, Modality.CXR, answers)["above"]
    # Where the control is not known nothing can be compared
    assert set(above["right"]) == set(above["wrong"]) == {"rsna", "shenzhen"}
    assert above["right"]["shenzhen"]["auc"]["value"] == 1.0
    assert above["right"]["rsna"]["differences"] == {"telling": {"value": 0.0, "low": 0.0, "high": 0.0}}
    assert above["wrong"]["rsna"]["differences"]["telling"]["value"] == -1.0


def test_the_document_says_where_a_control_is_as_good() -> None:
    titles = {"thumbnail": "a thumbnail", "border": "the border"}
    sure, unsure = ({"value": 0.1, "low": low, "high": 0.2} for low in (0.01, -0.01))
    above = {"differences": {"thumbnail": sure, "border": sure}}
    assert "surely above every control" in places.tell_above("panel", {"rsna": above}, titles)
    doubtful = {"rsna": above, "ieee8023": {"differences": {"thumbnail": unsure, "border": sure}}}
    assert places.tell_above("panel", doubtful, titles).endswith("at ieee8023, a thumbnail.")


def test_only_sources_that_taught_no_member_are_asked_about(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = tmp_path / "weights"
    for seed, name in enumerate(("one-cxr", "two-cxr")):
        store_member(root, name, seed=seed)
        spec = root / name / "1.0.0" / "spec.json"
        fields = json.loads(spec.read_text())
        spec.write_text(json.dumps(fields | {"trained_on": ["rsna: 12 normal images (made up)"]}))
    combine(root, Modality.CXR, version="1.0.0")
    monkeypatch.setattr(places, "read_question_rows", lambda _: tuple(rows_of(0)))
    asked: list[Row] = []

    def answer(_data: Path, _root: Path, rows: Any) -> Any:
        asked.extend(rows)
        return score_rows(rows, LABELS[Modality.CXR], np.full((len(rows), 3), 1 / 3))

    monkeypatch.setattr(places, "_ask", answer)
    places.write_unseen(tmp_path, root, tmp_path)
    assert {each.source for each in asked} == {"rsna-opacity", "shenzhen", "ieee8023"}
    assert places.read_unseen(tmp_path, "panel-cxr/2.0.0") is None
    stored = places.read_unseen(tmp_path, "panel-cxr/1.0.0")
    assert stored is not None
    assert stored.sources.tolist() == [each.source for each in asked]


def test_nothing_is_stored_where_no_place_is_unseen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for seed, name in enumerate(("one-cxr", "two-cxr")):
        store_member(tmp_path, name, seed=seed)
    combine(tmp_path, Modality.CXR, version="1.0.0")
    monkeypatch.setattr(places, "read_question_rows", lambda _: ())
    said = score_rows(rows_of(0), LABELS[Modality.CXR], np.full((len(rows_of(0)), 3), 1 / 3))
    write_predictions(tmp_path / places.UNSEEN, {"panel-cxr/0.9.0": said, "panel-cxr/1.0.0": said})
    places.write_unseen(tmp_path, tmp_path, tmp_path)
    assert places.read_unseen(tmp_path, "panel-cxr/1.0.0") is None
    assert places.read_unseen(tmp_path, "panel-cxr/0.9.0") is not None


@pytest.mark.usefixtures("few_resamples")
def test_the_document_tells_of_unseen_places_and_controls() -> None:
    text = document(read_sections(WEIGHTS_ROOT, RESULTS), RESULTS)
    ensemble = newest(WEIGHTS_ROOT, Modality.CXR)
    known = (places.read_unseen(RESULTS, each.identity) for each in versions_before(WEIGHTS_ROOT, ensemble))
    scored = next((each for each in known if each is not None), None)
    assert ("**This is panel-cxr" in text) == (places.read_unseen(RESULTS, ensemble.identity) is None)
    unseen = sorted(set(scored.sources.tolist())) if scored else []
    assert ("places that nobody who made it had seen" in text) == bool(unseen)
    # A place that nobody had seen is described, and no other
    for source, words in places.ABOUT.items():
        assert (f"{source} {words}" in " ".join(text.split())) == (source in unseen)
    assert "\n## What X-rays tell without" in text
    controls = places.read_controls(RESULTS)
    assert set(controls) == {"above"} | {control.name for control in question_controls.controls_of(Modality.CXR)}
    # Both questions of what ships stand beside their controls
    assert {"rsna", "ieee8023"} <= set(controls["above"][ensemble.identity])
    for domain in controls["thumbnail"]:
        assert f"| {domain} | in the domain |" in text
    assert all(domain_of(source) for source in unseen)


@pytest.mark.usefixtures("few_resamples")
def test_a_place_with_one_answer_is_told_of_without_the_other(tmp_path: Path) -> None:
    """covid-cxnet has no normal lung: there is no mean of those, and no AUC."""
    ensemble = newest(WEIGHTS_ROOT, Modality.CXR)
    rows = [row(number, source="covid-cxnet", label="covid") for number in range(8)]
    rows += [row(8 + number, source="elsewhere", label="normal") for number in range(8)]
    scored = score_rows(rows, ensemble.labels, np.tile([0.7, 0.2, 0.1], (16, 1)))
    write_predictions(tmp_path / places.UNSEEN, {ensemble.identity: scored})
    text = document(read_sections(WEIGHTS_ROOT, tmp_path), tmp_path)
    about = text.split("places that nobody who made it had seen")[1].split("\n## ")[0]
    assert "members. covid-cxnet shows COVID-19 alone. Is this lung abnormal?" in " ".join(about.split())
    assert "shenzhen" not in about
    mean = ensemble.abnormality.probability(dict(zip(ensemble.labels, [0.7, 0.2, 0.1], strict=True)))  # type: ignore[union-attr]
    assert f"| covid-cxnet | - | {mean:.3f} | - |" in about
    assert f"| elsewhere | - | - | {mean:.3f} |" in about


@pytest.mark.usefixtures("few_resamples")
def test_without_stored_answers_the_document_says_nothing_of_them(tmp_path: Path) -> None:
    text = document(read_sections(WEIGHTS_ROOT, tmp_path), tmp_path)
    assert "nobody who made it" not in text
    assert not any(words in text for words in places.ABOUT.values())


def test_a_change_is_counted_by_zone_and_by_size() -> None:
    before = np.array([0.1, 0.1, 0.5, 0.9] * 10)
    after = np.array([0.1, 0.9, 0.9, 0.8] * 10)
    zone = partial(zone_of, threshold=0.3, positive_from=0.7)
    zones = [zone_numbers(each, zone) for each in (before, after)]
    found = measure_moves(Moves(np.arange(40).astype(str), before, after, *zones))
    assert found["another_zone"]["value"] == 0.5
    assert found["opposite_zone"]["value"] == 0.25
    assert found["move"]["value"] == pytest.approx(0.8)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_leaves_a_picture_that_looks_the_same(name: str) -> None:
    image = np.asarray(resize(np.random.default_rng(0).random((12, 12)).astype(np.float32), (200, 180)))
    changed = CHANGES[name](image)
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert 0 <= changed.min() <= changed.max() <= 1
    seen = changed[:, ::-1] if name == "left and right exchanged" else changed
    assert float(np.abs(resize(np.ascontiguousarray(seen), (50, 50)) - resize(image, (50, 50))).mean()) < 0.03
    assert not np.array_equal(changed, image)


def moved(share: float, low: float, high: float) -> dict[str, Any]:
    """What is stored of a change: one estimate for all that is measured of it."""
    found = {"value": share, "low": low, "high": high}
    return dict.fromkeys(("another_zone", "opposite_zone", "move"), found)


def test_what_ships_is_what_was_measured_to_be_steady() -> None:
    """A new ensemble needs `python -m ml steadiness`: the numbers of the one before say nothing of it."""
    assert newest(WEIGHTS_ROOT, Modality.CXR).identity in steady.read_steadiness(RESULTS)


# The greatest share of X-rays that a change may move to another zone: what 4.1.0 was measured to do, and a little more
STEADY_ENOUGH = {
    "2 % brighter": 0.006,
    "a gamma of 1.05": 0.03,
    "noise of one grey level of 256": 0.05,
    "one row and one column cut off": 0.035,
    "1 % cut off on each side": 0.065,
    "5 % smaller": 0.045,
    "JPEG of quality 90": 0.006,
    "left and right exchanged": 0.10,
}
# How far 95 of 100 probabilities may move at most, whatever the change
FARTHEST = 0.15


def unsteady(changes: dict[str, Any]) -> list[str]:
    """What is beyond a bound, in words."""
    found = [f"{name}: opposite zone" for name, each in changes.items() if each["opposite_zone"]["value"] > 0]
    found += [
        f"{name}: another zone" for name, most in STEADY_ENOUGH.items() if changes[name]["another_zone"]["value"] > most
    ]
    return found + [f"{name}: probability" for name, each in changes.items() if each["move"]["value"] > FARTHEST]


def test_what_ships_is_steady_enough_and_a_version_that_was_not_would_be_noticed() -> None:
    stored = {name: each["changes"] for name, each in steady.read_steadiness(RESULTS).items()}
    ships = newest(WEIGHTS_ROOT, Modality.CXR).identity
    assert set(stored[ships]) == set(STEADY_ENOUGH) == set(CHANGES)
    assert unsteady(stored[ships]) == []
    assert unsteady(stored[steady.RELEASED]) == []
    assert unsteady(stored["panel-cxr/4.0.0"]) == [
        "5 % smaller: another zone",
        "left and right exchanged: another zone",
        "left and right exchanged: probability",
    ]
    assert len(unsteady(stored["panel-cxr/3.0.0"])) == 6
    one_crosses = {**stored[ships], "JPEG of quality 90": moved(0.001, 0.0, 0.01)}
    assert unsteady(one_crosses) == ["JPEG of quality 90: opposite zone"]


@pytest.mark.usefixtures("few_resamples")
def test_the_document_says_of_which_version_it_tells_how_steady_it_is(tmp_path: Path) -> None:
    ensemble = newest(WEIGHTS_ROOT, Modality.CXR)
    now, *before = (each.identity for each in versions_before(WEIGHTS_ROOT, ensemble))
    stored = {before[0]: {"images": 3, "changes": {"shaken": moved(0.1, 0.0, 0.2)}}}
    (tmp_path / steady.STEADINESS).write_text(json.dumps(stored))
    text = document(read_sections(WEIGHTS_ROOT, tmp_path), tmp_path)
    assert f"**This is {before[0]}.** {now} was not measured." in text
    stored[now] = {"images": 3, "changes": {"shaken": moved(0.4, 0.3, 0.5)}}
    (tmp_path / steady.STEADINESS).write_text(json.dumps(stored))
    text = document(read_sections(WEIGHTS_ROOT, tmp_path), tmp_path)
    assert f"{now} was asked about the 3 X-rays" in " ".join(text.split())
    assert "**This is" not in text
    assert text.index(f"| shaken | {now} | 0.400") < text.index(f"| shaken | {before[0]} | 0.100")


def test_what_is_better_and_what_is_worse_is_told_with_how_sure_it_is(tmp_path: Path) -> None:
    changes = {"lit": moved(0.1, 0.05, 0.15), "cut": moved(0.4, 0.3, 0.5), "still": moved(0.0004, 0.0, 0.01)}
    earlier = {"lit": moved(0.2, 0.1, 0.3), "cut": moved(0.1, 0.0, 0.2), "still": moved(0.0, 0.0, 0.01)}
    stored = {"one/2": {"images": 3, "changes": changes}, "one/1": {"images": 3, "changes": earlier}}
    (tmp_path / steady.STEADINESS).write_text(json.dumps(stored))
    told = steady.tell_steadiness(tmp_path, ["one/2", "one/1"])
    assert told is not None
    assert told["released"] is None
    assert told["differences"]["one/1"] == [
        "Answers are more often in another zone after cut; with intervals that do not overlap after cut.",
        "Answers are less often in another zone after lit; with intervals that overlap.",
        "Probabilities move further after cut; with intervals that do not overlap after cut.",
        "Probabilities move less far after lit; with intervals that overlap.",
    ]
    # Of other images it would be no comparison
    stored["one/1"]["images"] = 4
    (tmp_path / steady.STEADINESS).write_text(json.dumps(stored))
    told = steady.tell_steadiness(tmp_path, ["one/2", "one/1"])
    assert told is not None
    assert told["differences"] == {}


def test_what_was_released_last_stands_beside_what_ships(tmp_path: Path) -> None:
    """Beside a version that nobody has, a version looks better than beside the one that people use."""
    versions = ["panel-cxr/9", "panel-cxr/8", "panel-cxr/7", steady.RELEASED]
    shares = dict(zip(versions, (0.2, 0.3, 0.4, 0.1), strict=True))
    stored = {name: {"images": 3, "changes": {"lit": moved(share, 0.0, 0.5)}} for name, share in shares.items()}
    (tmp_path / steady.STEADINESS).write_text(json.dumps(stored))
    told = steady.tell_steadiness(tmp_path, versions)
    assert told is not None
    assert told["released"] == steady.RELEASED
    assert [each["ensemble"] for each in told["measured"]] == ["panel-cxr/9", "panel-cxr/8", steady.RELEASED]
    assert told["differences"]["panel-cxr/8"][0].startswith("Answers are less often")
    assert told["differences"][steady.RELEASED][0].startswith("Answers are more often")


def test_what_was_measured_of_a_version_before_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / steady.STEADINESS).write_text(json.dumps({"one/1": {"images": 3, "changes": {}}}))
    fresh = {"ensemble": "one/2", "images": 4, "changes": {}}
    monkeypatch.setattr(steady, "measure_steadiness", lambda _data, _root: fresh)
    steady._run(Namespace(data=tmp_path, root=tmp_path, results=tmp_path))
    assert {name: each["images"] for name, each in steady.read_steadiness(tmp_path).items()} == {"one/1": 3, "one/2": 4}
