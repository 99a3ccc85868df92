"""An ensemble made again without a place, and asked about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO serves what was trained")

from ml.ensemble import ENSEMBLE, EnsembleSpec
from ml.serving.catalogue import catalogue
from ml.spec import Modality
from ml.training.data.manifest import Row
from ml.training.measure.bootstrap import estimates
from ml.training.measure.left_out import Described
from ml.training.measure.new_place import measure_new_places
from ml.training.measure.report import REPORT
from ml.training.publish import left_out
from ml.training.publish.card import CARD, write_ensemble_card
from ml.training.publish.combine import combine
from tests.unit.ml.training.members import store_member
from tests.unit.ml.training.rows import row

LABELS = ("covid", "pneumonia", "normal")
EACH = 60
SIDES = (
    ("darkcovidnet", "pneumonia"),
    ("darkcovidnet", "normal"),
    ("shenzhen", "pneumonia"),
    ("shenzhen", "normal"),
    ("rsna-opacity", "pneumonia"),
    ("rsna", "normal"),
    ("ieee8023", "covid"),
    ("ieee8023", "pneumonia"),
)
ROWS = [row(number, source=source, label=label) for source, label in SIDES for number in range(EACH)]
CHOOSING = np.arange(len(ROWS)) % 3 == 0
NAMES = np.array([f"{each.source} {each.label}" for each in ROWS])
AT_SHENZHEN = np.array([each.source == "shenzhen" for each in ROWS])


@pytest.fixture(scope="module", autouse=True)
def few_resamples() -> Iterator[None]:
    """Wide apart as they are, a hundred tell these numbers from each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(estimates.__kwdefaults__, "resamples", 100)
        yield


def described(seed: int, *, shift: float = 0.0, rows: list[Row] = ROWS) -> Described:
    """A channel that tells abnormal lungs, one that tells COVID-19, and noise; all of shenzhen is moved by `shift`."""
    random = np.random.default_rng(seed)
    abnormal = np.array([1.0 if each.label != "normal" else -1.0 for each in rows])
    covid = np.array([1.0 if each.label == "covid" else -1.0 for each in rows])
    told = np.stack([abnormal + shift * AT_SHENZHEN, covid, np.zeros(len(rows))], axis=1)
    return Described(told + 0.9 * random.standard_normal(told.shape))


def measured(*, shift: float = 0.0, rows: list[Row] = ROWS, choosing: Any = CHOOSING) -> dict[str, dict[str, Any]]:
    return measure_new_places([described(seed, shift=shift) for seed in (1, 2)], rows, choosing, LABELS)


def test_what_is_true_everywhere_holds_at_a_new_place() -> None:
    found = measured()
    assert list(found) == ["rsna", "darkcovidnet", "shenzhen"]
    for each in found.values():
        assert each["auc"]["value"] > 0.9
        assert each["sensitivity"]["value"] > 0.8
        assert each["specificity"]["value"] > 0.7
        assert each["abnormal"] == each["normal"] == EACH
        assert sum(each["weights"]) == pytest.approx(1.0)


def test_a_place_that_scores_lower_keeps_its_order_and_not_its_sensitivity() -> None:
    """Images of a new hospital may lie lower whatever they show; an AUC within it does not notice."""
    usual, low = measured()["shenzhen"], measured(shift=-1.2)["shenzhen"]
    assert low["auc"]["value"] == pytest.approx(usual["auc"]["value"], abs=0.02)
    assert low["sensitivity"]["value"] < 0.5 < usual["sensitivity"]["value"]
    assert low["positive_zone"]["sensitivity"]["value"] < 0.4
    assert low["calibration_error"]["value"] > usual["calibration_error"]["value"] + 0.1


def test_the_new_place_teaches_and_chooses_nothing() -> None:
    """With its answers the other way round every rate is the other way round: nothing learnt from it."""
    turned = {"pneumonia": "normal", "normal": "pneumonia"}
    rows = [
        Row(each.path, turned[each.label], each.source, each.group, each.licence) if at_shenzhen else each
        for each, at_shenzhen in zip(ROWS, AT_SHENZHEN, strict=True)
    ]
    features = [described(seed) for seed in (1, 2)]
    right, wrong = (measure_new_places(features, each, CHOOSING, LABELS)["shenzhen"] for each in (ROWS, rows))
    assert wrong["weights"] == right["weights"]
    assert wrong["sensitivity"]["value"] == pytest.approx(1 - right["specificity"]["value"])
    assert wrong["auc"]["value"] == pytest.approx(1 - right["auc"]["value"], abs=1e-3)


def test_only_places_with_images_are_left_out_and_none_where_it_is_the_only_one() -> None:
    sources = np.array([each.source for each in ROWS])
    members = [described(seed) for seed in (1, 2)]

    def of(*known: str) -> list[str]:
        which = np.isin(sources, (*known, "ieee8023"))
        rows = [each for each, is_known in zip(ROWS, which, strict=True) if is_known]
        return list(measure_new_places([each.take(which) for each in members], rows, CHOOSING[which], LABELS))

    assert of("shenzhen", "darkcovidnet") == ["darkcovidnet", "shenzhen"]
    assert of("shenzhen") == []


def test_the_validation_part_teaches_no_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that had seen the images which choose its bounds would be believed too much."""
    from ml.training.measure import new_place

    taught: list[int] = []

    class Watched(new_place.Lesson):
        def __init__(self, features: Any, *rest: Any, **named: Any) -> None:
            taught.append(len(features))
            super().__init__(features, *rest, **named)

    monkeypatch.setattr(new_place, "Lesson", Watched)
    measured()
    sizes = [int((~CHOOSING & (NAMES != "")).sum() - 2 * EACH * 2 / 3)] * 6
    # Folds of a lesson are lessons of the class itself, and smaller
    assert sorted(taught, reverse=True)[:6] == sizes


def test_an_ensemble_keeps_what_was_measured_and_answers_as_before(tmp_path: Path) -> None:
    for seed, name in enumerate(("one-cxr", "two-cxr")):
        store_member(tmp_path, name, seed=seed)
    folder = combine(tmp_path, Modality.CXR, version="1.0.0")
    before = EnsembleSpec.from_json((folder / ENSEMBLE).read_text())
    found = measured()
    left_out.keep_new_places(tmp_path, before.identity, found)
    after = EnsembleSpec.from_json((folder / ENSEMBLE).read_text())
    assert before.abnormality
    assert after.abnormality
    assert "new_places" not in before.abnormality.to_fields()
    assert after.abnormality.new_places["shenzhen"] == {
        name: found["shenzhen"][name] for name in ("sensitivity", "specificity", "positive_zone", "abnormal", "normal")
    }
    own = {name: value for name, value in after.abnormality.to_fields().items() if name != "new_places"}
    assert own == before.abnormality.to_fields()
    assert {**json.loads(after.to_json()), "abnormality": None} == {**json.loads(before.to_json()), "abnormality": None}
    report = json.loads((folder / REPORT).read_text())
    write_ensemble_card(folder, after, report, catalogue(tmp_path))
    card = " ".join((folder / CARD).read_text().split())
    lowest = min(each["sensitivity"]["value"] for each in found.values())
    assert "**Expect less at another hospital.**" in card
    assert f"a sensitivity of {lowest:.2f} to" in card
