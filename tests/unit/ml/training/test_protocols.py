"""The protocols of published tables, on a network small enough to train in a test."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

from ml.spec import Modality
from ml.training.data.manifest import read_rows
from ml.training.data.split import Part, folds
from ml.training.fit.plan import Phase, Plan
from ml.training.publish.accuracy import joined
from ml.training.publish.protocols import PROTOCOLS, Protocol, Table, follow, path_of, read_folds, read_story
from tests.unit.ml.training.rows import write_data
from tests.unit.ml.training.tiny import tiny_architecture

pytestmark = pytest.mark.filterwarnings("ignore")
PLAN = Plan(Modality.CXR, "tiny", (Phase(24, 1), Phase(32, 1)), batch=4)
PROTOCOL = Protocol(
    "stripes",
    Modality.CXR,
    "stripes",
    "three folds by group",
    "nobody",
    lambda data: folds(read_rows(data, Modality.CXR), 3),
    (Table("three classes", "nobody", {"accuracy": 0.5}, ("covid", "pneumonia", "normal")),),
)


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    with tiny_architecture():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), each=24)


def test_folds_are_trained_one_by_one_and_go_on_after_an_interruption(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    follow(PROTOCOL, PLAN, data, tmp_path, results=results, until=1)
    first = read_folds(PROTOCOL, results)
    assert list(first) == ["fold-1"]
    trained = (tmp_path / "fold-1" / "best.weights.h5").stat().st_mtime_ns
    follow(PROTOCOL, PLAN, data, tmp_path, results=results)
    stored = read_folds(PROTOCOL, results)
    assert list(stored) == ["fold-1", "fold-2", "fold-3"]
    assert np.array_equal(stored["fold-1"].probabilities, first["fold-1"].probabilities)
    assert (tmp_path / "fold-1" / "best.weights.h5").stat().st_mtime_ns == trained
    everything = joined(list(stored.values()), ("covid", "pneumonia", "normal"))
    assert sorted(everything.paths) == sorted(row.path for row in read_rows(data, Modality.CXR))
    assert read_story(PROTOCOL, results) == {
        "architecture": "tiny",
        "started_from": "random weights",
        "width": 1,
        "epochs": [[24, 1], [32, 1]],
    }


def test_folds_of_other_networks_are_not_mixed(data: Path, tmp_path: Path) -> None:
    follow(PROTOCOL, PLAN, data, tmp_path / "one", results=tmp_path, until=1)
    other = Plan(Modality.CXR, "tiny", (Phase(32, 1),), batch=4)
    with pytest.raises(ValueError, match="trained otherwise"):
        follow(PROTOCOL, other, data, tmp_path / "other", results=tmp_path, until=2)
    assert list(read_folds(PROTOCOL, tmp_path)) == ["fold-1"]


def run_of(folder: Path, modality: Modality, weights: Path | None = None) -> Path:
    """The plan of a run; returns where its weights would be."""
    folder.mkdir()
    plan = Plan(modality, "tiny", (Phase(32, 1),), weights=str(weights) if weights else None)
    (folder / "plan.json").write_text(json.dumps(plan.to_json()))
    return folder / "best.weights.h5"


@pytest.mark.parametrize("through", [False, True], ids=["directly", "through another modality"])
def test_weights_that_have_seen_the_modality_are_refused(data: Path, tmp_path: Path, through: bool) -> None:
    weights = run_of(tmp_path / "cxr", Modality.CXR)
    if through:
        weights = run_of(tmp_path / "ct", Modality.CT, weights)
    plan = Plan(Modality.CXR, "tiny", (Phase(32, 1),), weights=str(weights))
    with pytest.raises(ValueError, match="have seen cxr images"):
        follow(PROTOCOL, plan, data, tmp_path / "out", results=tmp_path)


def test_weights_of_unknown_origin_are_refused(data: Path, tmp_path: Path) -> None:
    plan = Plan(Modality.CXR, "tiny", (Phase(32, 1),), weights=str(tmp_path / "found.weights.h5"))
    with pytest.raises(ValueError, match="which images"):
        follow(PROTOCOL, plan, data, tmp_path / "out", results=tmp_path)


def test_the_published_sets_are_divided_as_said(chest_data: Path) -> None:
    darkcovidnet = PROTOCOLS["darkcovidnet"].partitions(chest_data)
    tested = [row for parts in darkcovidnet for row in parts[Part.TEST]]
    assert Counter(row.label for row in tested) == {"covid": 124, "pneumonia": 500, "normal": 500}
    assert {row.source for row in tested} == {"darkcovidnet"}
    for parts in (*darkcovidnet, *PROTOCOLS["saopaulo-blocks"].partitions(chest_data)):
        groups = [{row.group for row in rows} for rows in parts.values()]
        assert not groups[0] & groups[1]
        assert not groups[2] & (groups[0] | groups[1])
    (ucsd,) = PROTOCOLS["ucsd"].partitions(chest_data)
    assert {part: len(rows) for part, rows in ucsd.items()} == {"train": 425, "validation": 118, "test": 203}


def test_the_random_split_leaks_as_the_published_one_did(chest_data: Path) -> None:
    parts = PROTOCOLS["saopaulo-random"].partitions(chest_data)[0]
    groups = {part: {row.group for row in rows} for part, rows in parts.items()}
    assert len(groups[Part.TEST] & groups[Part.TRAIN]) > 50
    assert len({path_of(row) for rows in parts.values() for row in rows}) == 2479
