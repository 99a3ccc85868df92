from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

from ml.preprocessing import resize
from ml.spec import Modality, zone_of
from ml.training.data.manifest import Row
from ml.training.data.questions import domain_of
from ml.training.measure import question_controls
from ml.training.measure.controls import score_rows
from ml.training.measure.question_controls import Control
from ml.training.measure.steadiness import CHANGES, Moves, measure_moves, zone_numbers
from ml.training.modalities import LABELS
from ml.training.publish import places
from ml.training.publish.accuracy import document, read_sections
from ml.training.publish.asking import newest
from ml.training.publish.combine import WEIGHTS_ROOT, combine
from ml.training.publish.protocols import RESULTS
from tests.unit.ml.training.members import store_member
from tests.unit.ml.training.rows import row

EACH = 40


def rows_of(part: int) -> list[Row]:
    """Both sides of every domain; nobody is in two parts."""
    kinds = {"rsna": "normal", "rsna-opacity": "pneumonia", "ieee8023": "covid"}
    both = [*kinds.items(), ("shenzhen", "normal"), ("shenzhen", "pneumonia"), ("ieee8023", "pneumonia")]
    return [row(1000 * part + number, source=source, label=label) for source, label in both for number in range(EACH)]


def parts(data: Path) -> dict[Any, Any]:
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
    monkeypatch.setattr(question_controls, "CONTROLS", controls)
    found = question_controls.measure_controls(tmp_path)
    # The source without known features is not measured, nor one that nobody else answers the question of
    assert set(found["telling"]) == {"rsna", "shenzhen"}
    assert found["telling"]["rsna"]["within"]["value"] == 1.0
    assert found["telling"]["rsna"]["elsewhere"]["value"] == 1.0
    assert found["opposed"]["shenzhen"]["within"]["value"] == 1.0
    assert found["opposed"]["shenzhen"]["elsewhere"]["value"] == 0.0


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
    (tmp_path / places.UNSEEN).write_text("answers of a version before")
    places.write_unseen(tmp_path, tmp_path, tmp_path)
    assert places.read_unseen(tmp_path, "panel-cxr/1.0.0") is None


def test_the_document_tells_of_unseen_places_and_controls() -> None:
    text = document(read_sections(WEIGHTS_ROOT), RESULTS)
    assert "places that nobody who made it had seen" in text
    scored = places.read_unseen(RESULTS, newest(WEIGHTS_ROOT, Modality.CXR).identity)
    assert scored is not None
    assert set(scored.sources.tolist()) == {"rsna-opacity", "shenzhen"}
    controls = places.read_controls(RESULTS)
    assert set(controls) == {control.name for control in question_controls.CONTROLS}
    for domain in controls["thumbnail"]:
        assert f"| {domain} | in the domain |" in text
    assert all(domain_of(source) for source in scored.sources.tolist())


def test_without_stored_answers_the_document_says_nothing_of_them(tmp_path: Path) -> None:
    text = document(read_sections(WEIGHTS_ROOT), tmp_path)
    assert "nobody who made it" not in text


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
