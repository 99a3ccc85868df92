from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="the figures' module starts Keras")

from ml.ensemble import ensembles
from ml.spec import Modality
from ml.training.data.views import read_views
from ml.training.measure.bootstrap import estimates
from ml.training.measure.predictions import PREDICTIONS, read_predictions
from ml.training.measure.views import LEAST_GROUPS, LEAST_IMAGES, areas_by_view
from ml.training.metrics import area_under_curve
from ml.training.publish import views
from ml.training.publish.accuracy import document, read_sections
from ml.training.publish.combine import WEIGHTS_ROOT, combine
from ml.training.publish.protocols import RESULTS
from ml.training.scored_images import ScoredImages
from tests.unit.ml.training.members import store_member


def taken(positive: int, negative: int, *, source: str = "ieee8023", each: int = 1) -> ScoredImages:
    """Images of covid, then of pneumonia, in groups of `each`; every second of a kind is called wrongly."""
    labels = np.array([0] * positive + [1] * negative)
    count = len(labels)
    numbers = np.concatenate([np.arange(positive), np.arange(negative)])
    covid = np.where(np.arange(count) % 2, labels == 0, labels != 0) * 0.5
    return ScoredImages(
        ("covid", "pneumonia", "normal"),
        np.stack([covid, 0.9 - covid, np.full(count, 0.1)], axis=1),
        labels,
        np.array([source] * count),
        np.array([f"{label}-{number // each}" for label, number in zip(labels, numbers, strict=True)]),
        np.array([f"{source}/{number}.jpg" for number in range(count)]),
    )


def all_of(scored: ScoredImages, view: str = "AP") -> dict[str, str]:
    return dict.fromkeys(scored.paths.tolist(), view)


def test_each_view_is_measured_by_itself() -> None:
    scored = taken(40, 40)
    # What is called rightly is PA
    told = {path: "PA" if number % 2 else "AP" for number, path in enumerate(scored.paths.tolist())}
    found = areas_by_view(scored, told)["ieee8023"]
    assert {view: each.area.value for view, each in found.items() if each.area} == {"AP": 0.0, "PA": 1.0}
    assert found["AP"].positive.images == 20


def test_images_whose_view_nobody_says_are_in_none() -> None:
    scored = taken(40, 40)
    told = {path: "AP" for number, path in enumerate(scored.paths.tolist()) if number % 2}
    found = areas_by_view(scored, told)["ieee8023"]
    assert list(found) == ["AP"]
    assert (found["AP"].positive.images, found["AP"].negative.images) == (20, 20)


@pytest.mark.parametrize(
    ("positive", "negative", "each"),
    [
        (LEAST_IMAGES - 1, 40, 1),
        (40, LEAST_IMAGES - 1, 1),
        (40, 3 * (LEAST_GROUPS - 1), 3),
        (3 * (LEAST_GROUPS - 1), 42, 3),
    ],
)
def test_with_too_few_images_or_groups_of_a_side_there_is_no_number(positive: int, negative: int, each: int) -> None:
    scored = taken(positive, negative, each=each)
    found = areas_by_view(scored, all_of(scored))["ieee8023"]["AP"]
    assert found.area is None
    assert views.tell_area(found) == "too few"


def test_a_source_with_one_side_has_no_area_within_a_view() -> None:
    scored = taken(40, 0, source="covid-cxnet")
    assert areas_by_view(scored, all_of(scored)) == {}


def test_a_source_is_asked_its_own_question() -> None:
    """Whether a lung is abnormal, where that is the question; the share of the labels, where others are left out."""
    scored = taken(20, 20, source="shenzhen")
    scored = ScoredImages(**{**scored.__dict__, "labels": np.where(scored.labels == 1, 2, 1)})
    told = views.tell_views({"one": scored}, all_of(scored))
    assert [each["asked"] for each in told] == ["is this lung abnormal?"]
    # All images have the same probability of a normal lung
    assert told[0]["rows"][0]["areas"] == ["0.500 (0.500 to 0.500)"] * 2
    assert views.tell_views({"one": taken(20, 20, source="elsewhere")}, all_of(scored)) == []


def test_views_are_stored_in_two_words(tmp_path: Path) -> None:
    said = {"a.jpg": "AP Supine", "b.jpg": "PA", "c.jpg": "", "d.jpg": "AP Erect", "e.jpg": "AP", "f.jpg": "L"}
    lines = ["path,view", *(f"{path},{view}" for path, view in said.items())]
    (tmp_path / "manifest_v2.csv").write_text("\n".join(lines))
    kept = {"a.jpg": "AP", "b.jpg": "PA", "d.jpg": "AP", "e.jpg": "AP"}
    assert read_views(tmp_path) == kept
    views._run(Namespace(data=tmp_path, results=tmp_path))
    assert views.stored_views(tmp_path) == kept


def test_the_document_tells_of_every_subject_within_each_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(estimates.__kwdefaults__, "resamples", 5)
    for number, name in enumerate(("vgg16-cxr", "xception-cxr")):
        store_member(tmp_path, name, seed=10 * number, asked=True, count=240)
    combine(tmp_path, Modality.CXR, version="1.0.0")
    without = document(read_sections(tmp_path, tmp_path), tmp_path)
    assert "within each view" not in without
    said = read_predictions(tmp_path / "panel-cxr" / "1.0.0" / PREDICTIONS)["test"]
    told = [f"{path},{'AP' if number % 4 < 2 else 'PA'}" for number, path in enumerate(said.paths.tolist())]
    (tmp_path / views.VIEWS).write_text("\n".join(["path,view", *told]))
    text = document(read_sections(tmp_path, tmp_path), tmp_path)
    table = text.split("### ieee8023, within each view: is an abnormal lung COVID-19?")[1].split("\n#")[0]
    for name in ("vgg16-cxr", "xception-cxr", "panel-cxr", "panel-cxr, border pixels alone"):
        assert f"\n| {name} | 0." in table
    assert "| within ieee8023, AP | within ieee8023, PA |" in text
    here = said.take((said.sources == "ieee8023") & (np.arange(len(said.labels)) % 4 < 2))
    assert f"({area_under_curve(here.positive, here.score):.3f} (" in text


def test_what_ships_was_measured_on_images_whose_views_are_stored() -> None:
    """New test images of a source with views need `python -m ml views`."""
    known = views.stored_views(RESULTS)
    ensemble = next(each for each in ensembles(WEIGHTS_ROOT) if each.modality is Modality.CXR)
    said = read_predictions(WEIGHTS_ROOT / ensemble.identity / PREDICTIONS)["test"]
    assert set(said.paths[said.sources == "ieee8023"].tolist()) <= set(known)
