"""Last layers asked about places that they were not taught on, and what of it the document tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO serves what was trained")

from ml.preprocessing import Prepared, View
from ml.serving.bundle import read_bundle
from ml.serving.engine import Network
from ml.spec import Modality
from ml.training.data import datasets
from ml.training.data.manifest import Row
from ml.training.measure.bootstrap import estimates
from ml.training.measure.left_out import (
    Described,
    answer_about_strangers,
    answer_left_out,
    combine_left_out,
    measure_above,
    measure_left_out,
    measure_within_people,
)
from ml.training.publish import left_out
from ml.training.publish.combine import WEIGHTS_ROOT
from ml.training.scored_images import ScoredImages
from tests.unit.ml.training.rows import row

LABELS = ("covid", "pneumonia", "normal")
EACH = 20


def _rows() -> list[Row]:
    """Both sides of every domain, healthy lungs at half the places only in the second source."""
    sides = [
        ("darkcovidnet", "pneumonia"),
        ("darkcovidnet", "normal"),
        ("shenzhen", "pneumonia"),
        ("shenzhen", "normal"),
    ]
    sides += [("rsna-opacity", "pneumonia"), ("rsna", "normal"), ("ieee8023", "covid"), ("ieee8023", "pneumonia")]
    return [row(number, source=source, label=label) for source, label in sides for number in range(EACH)]


def _sign(rows: list[Row], *, turned: str = "") -> np.ndarray:
    """1 for an abnormal lung and -1 for a healthy one, and the other way round at one place; noise beside it."""
    random = np.random.default_rng(3)
    truth = np.array([(-1.0 if each.label == "normal" else 1.0) for each in rows])
    flip = np.array([-1.0 if each.source == turned else 1.0 for each in rows])
    return np.stack([truth * flip + 0.2 * random.standard_normal(len(rows)), random.standard_normal(len(rows))], axis=1)


@pytest.fixture(scope="module", autouse=True)
def few_resamples() -> Iterator[None]:
    """Wide apart as they are, a hundred tell these numbers from each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(estimates.__kwdefaults__, "resamples", 100)
        yield


@pytest.fixture(scope="module")
def good() -> ScoredImages:
    """What is said by layers that found what is true everywhere."""
    rows = _rows()
    return answer_left_out(Described(_sign(rows)), rows, LABELS)


def test_what_is_true_everywhere_is_found_at_a_place_that_taught_nothing(good: ScoredImages) -> None:
    found = measure_left_out(good)
    assert list(found) == ["rsna", "darkcovidnet", "shenzhen"]
    assert all(each["auc"]["low"] > 0.95 for each in found.values())
    assert found["shenzhen"]["abnormal"] == found["shenzhen"]["normal"] == EACH


def test_the_place_that_is_left_out_has_no_say() -> None:
    """Its own images say the opposite, and would have taught it had one of them been seen."""
    rows = _rows()
    found = measure_left_out(answer_left_out(Described(_sign(rows, turned="shenzhen")), rows, LABELS))
    assert found["shenzhen"]["auc"]["value"] < 0.1


def test_a_layer_is_not_taught_on_what_a_mirror_image_moves() -> None:
    """One channel is right everywhere but at one place, and another in the mirror image; the other is less sharp."""
    rows = _rows()
    turning, steady = _sign(rows, turned="shenzhen")[:, :1], _sign(rows)[:, :1]
    noise = np.random.default_rng(6).standard_normal((len(rows), 1))
    features = np.hstack([turning, steady + 0.5 * noise])
    mirrored = np.hstack([-turning, features[:, 1:]])
    left = [measure_left_out(answer_left_out(Described(features, each), rows, LABELS)) for each in (None, mirrored)]
    unaware, aware = (found["shenzhen"]["auc"]["value"] for found in left)
    assert unaware < 0.6
    assert aware > 0.9


def test_a_person_who_is_left_out_has_no_say_and_is_measured_within() -> None:
    """Of two people one has slices that say the opposite of what all others say."""
    kinds = [("ucsd", "a"), ("saopaulo", "b"), ("medseg9", "c"), ("medseg9", "d")]
    rows = [
        Row(f"{person}{number}{label}", label, source, f"{person}{number if source != 'medseg9' else ''}", "")
        for source, person in kinds
        for label in ("covid", "non-covid")
        for number in range(EACH)
    ]
    truth = np.array([1.0 if each.label == "covid" else -1.0 for each in rows])
    turned = np.array([-1.0 if each.group == "d" else 1.0 for each in rows])
    noise = np.random.default_rng(4).standard_normal((2, len(rows)))
    described = Described(np.stack([truth * turned + 0.2 * noise[0], noise[1]], axis=1))
    answered = answer_about_strangers(described, rows, ("covid", "non-covid"), "medseg9")
    assert set(answered.sources.tolist()) == {"medseg9"}
    found = measure_within_people(answered)
    assert found["people"]["c"]["auc"] > 0.95
    assert found["people"]["d"]["auc"] < 0.05
    assert found["people"]["c"]["covid"] == found["people"]["c"]["non-covid"] == EACH
    assert found["auc"] == pytest.approx(0.5, abs=0.05)
    assert list(measure_left_out(answer_left_out(described, rows, ("covid", "non-covid")))) == [
        "ucsd",
        "saopaulo",
        "medseg9",
    ]


def test_pairs_of_different_people_do_not_count() -> None:
    """Everything of one person scores above everything of the other, and within each the order is right once."""
    scores = np.array([0.9, 0.8, 0.1, 0.2, 0.3])
    labels = np.array([0, 1, 1, 0, 1])
    people = np.array(["a", "a", "b", "b", "b"])
    scored = ScoredImages(
        ("covid", "non-covid"), np.stack([scores, 1 - scores], axis=1), labels, people, people, np.array(list("vwxyz"))
    )
    assert measure_within_people(scored)["auc"] == pytest.approx((1 + 1 + 0) / 3)
    assert measure_within_people(scored.take(np.array([0]))) == {}


def test_several_are_pooled_and_measured_against_controls_on_the_same_images(good: ScoredImages) -> None:
    guessing = good.saying(np.random.default_rng(5).dirichlet((1, 1), len(good.labels)))
    assert combine_left_out([good, good]).score == pytest.approx(good.score)
    above = measure_above(good, {"guessing": guessing, "itself": good})
    for place in ("rsna", "darkcovidnet", "shenzhen"):
        assert above[place]["guessing"]["low"] > 0.2
        assert above[place]["itself"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_what_is_before_the_last_layer_is_what_gives_the_logits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = WEIGHTS_ROOT / "vgg16-cxr" / "2.0.0"
    network, weights = read_bundle(bundle).verified_weights()
    places = left_out._before_the_mean(network, weights)
    images = np.random.default_rng(7).standard_normal((200, 128, 128, 1)).astype(np.float32)
    features = np.stack([places(image).mean(axis=(0, 1), dtype=np.float64) for image in images])
    logits = np.stack([Network(network, weights).infer(image)[0] for image in images])
    # One layer explains more images than it has weights
    assert len(LABELS) < features.shape[1] < len(images) - 1
    kernel, *_ = np.linalg.lstsq(features - features[0], logits - logits[0], rcond=None)
    assert (features - features[0]) @ kernel == pytest.approx(logits - logits[0], abs=1e-3)


def test_an_image_and_its_mirror_image_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lungs are mirrored with the image: what is told of one is what is told of its mirror image, mirrored."""
    values = np.random.default_rng(8).standard_normal((128, 128, 1)).astype(np.float32)
    lungs = np.zeros((56, 56), dtype=np.float32)
    lungs[:, :20] = 1.0
    seen = Prepared(values, View(lungs=lungs))
    mirrored = Prepared(np.ascontiguousarray(values[:, ::-1]), View(lungs=np.ascontiguousarray(lungs[:, ::-1])))
    prepared = iter([seen, mirrored])
    monkeypatch.setattr(datasets, "read_prepared", lambda *_: next(prepared))
    rows = [row(number, source="shenzhen", label="normal") for number in range(2)]
    found = left_out.describe(WEIGHTS_ROOT / "vgg16-cxr" / "2.0.0", Path("data"), rows)
    assert found.mirrored is not None
    assert found.features.dtype == np.float64
    assert found.mirrored == pytest.approx(found.features[::-1], abs=1e-4)
    assert np.abs(found.features[0] - found.features[1]).max() > 0.01


def test_the_document_names_who_is_not_surely_above_a_control(tmp_path: Path) -> None:
    assert left_out.tell_left_out(tmp_path, {}) is None
    area = {
        "auc": {"value": 0.8, "low": 0.7, "high": 0.9},
        "calibration_error": {"value": 0.1, "low": 0.0, "high": 0.2},
    }
    differences = {
        "thumbnail": {"value": 0.1, "low": -0.01, "high": 0.2},
        "border": {"value": 0.1, "low": 0.01, "high": 0.2},
    }
    measured = {
        "ensemble": "panel-cxr/9.0.0",
        "knew": ["one-cxr/9.0.0"],
        "subjects": {"panel-cxr/9.0.0": {"shenzhen": area}, "one-cxr/9.0.0": {"shenzhen": area}},
        "controls": {"thumbnail": {"shenzhen": area}},
        "above": {"one-cxr/9.0.0": {"shenzhen": differences}},
    }
    (tmp_path / left_out.file_of(Modality.CXR)).write_text(json.dumps(measured))
    told = left_out.tell_left_out(tmp_path, {"thumbnail": "a thumbnail", "border": "the border"})
    assert told is not None
    assert told["not_above"] == "one-cxr/9.0.0, a thumbnail, at shenzhen"
    assert [each["title"] for each in told["rows"]] == [
        "members of panel-cxr/9.0.0, all counting alike",
        "one-cxr/9.0.0",
        "control: a thumbnail",
    ]


def test_probabilities_of_both_sides_sum_to_one(good: ScoredImages) -> None:
    assert good.probabilities.sum(axis=1) == pytest.approx(np.ones(len(good.labels)))
