"""Which slices of a series the gate and the classifiers are asked about, and what takes the place of one refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from diagnosis.analyses import aggregation, ahead, predict
from diagnosis.analyses.aggregation import ImageSource
from diagnosis.errors import AnalysisFailed
from diagnosis.models.scan import Modality
from ml.gate import GateRefusal
from ml.study.inference import ImageAnswers

SERIES = UUID(int=999)
PIXELS = np.zeros((2, 2), np.float32)
REFUSAL = GateRefusal("blank", {})


class FakePanel:
    """Notes the numbers of the slices that it is asked about; refuses those in `refused`."""

    def __init__(self, refused: Collection[int] = ()) -> None:
        self.refused = refused
        self.seen: list[int] = []

    def answer(self, images: Iterable[tuple[ImageSource, Any]]) -> Iterator[tuple[ImageSource, ImageAnswers]]:
        for source, _pixels in images:
            self.seen.append(source.number)
            refusal = REFUSAL if source.number in self.refused else None
            yield source, ImageAnswers(refusal, (), (2, 2), None)


def slices(count: int, *, damaged: Collection[int] = ()) -> list[ImageSource]:
    """A millimetre apart, from 0 upwards, so that 2, 7, 12 ... are asked about."""

    def source(number: int) -> ImageSource:
        def pixels() -> Any:
            if number in damaged:
                raise AnalysisFailed("unreadable", {}, retryable=False)
            return PIXELS

        return ImageSource(UUID(int=number), pixels, SERIES, position=float(number), number=number)

    return [source(number) for number in range(count)]


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "recall", lambda _panel, _sources: {})


def answers(panel: FakePanel, found: list[ImageSource]) -> tuple[list[int], list[int]]:
    """The numbers of the slices that were answered and of those that were refused."""
    said, refused = predict._answers(aggregation.choose(found, Modality.CT), panel)  # type: ignore[arg-type]
    return sorted(key.int for key in said), sorted(key.int for key in refused)


@pytest.mark.usefixtures("nothing_kept")
def test_one_slice_in_every_five_millimetres_is_asked_about() -> None:
    panel = FakePanel()
    assert answers(panel, slices(20)) == ([2, 7, 12, 17], [])
    assert sorted(panel.seen) == [2, 7, 12, 17]  # the gate neither


@pytest.mark.usefixtures("nothing_kept")
def test_a_neighbour_is_asked_in_place_of_a_slice_that_is_refused_or_damaged() -> None:
    refused = FakePanel(refused=[7, 10, 11, 12, 13, 14])
    assert answers(refused, slices(20)) == ([2, 8, 17], [7, 10, 11, 12, 13, 14])
    assert answers(FakePanel(), slices(20, damaged=[2])) == ([3, 7, 12, 17], [2])


@pytest.mark.usefixtures("nothing_kept")
def test_a_series_of_which_every_slice_is_refused_was_asked_about_whole() -> None:
    assert answers(FakePanel(refused=range(20)), slices(20)) == ([], list(range(20)))


@pytest.mark.usefixtures("nothing_kept")
def test_every_xray_is_asked_about() -> None:
    speaking = aggregation.choose(slices(4), Modality.CXR)
    said, _refused = predict._answers(speaking, FakePanel())  # type: ignore[arg-type]
    assert len(said) == 4


@pytest.fixture
def asked_ahead(monkeypatch: pytest.MonkeyPatch) -> FakePanel:
    """Slices that are answered ahead, in batches of two, and kept."""
    panel, kept = FakePanel(refused=[7]), dict[UUID, ImageAnswers]()
    monkeypatch.setattr(predict, "_panel", lambda _active, _modality: panel)
    monkeypatch.setattr(predict, "BATCH", 2)
    monkeypatch.setattr(
        ahead, "recall", lambda _panel, sources: {one.key: kept[one.key] for one in sources if one.key in kept}
    )
    monkeypatch.setattr(ahead, "keep", lambda _panel, said: kept.update({one.key: answer for one, answer in said}))
    return panel


class NoClassifiers:
    classifiers = ()


def test_ahead_asks_only_about_slices_that_the_analysis_asks_about(asked_ahead: FakePanel) -> None:
    """The slices come one by one; 7 is refused, so that 6 or 8 is to be asked as well."""
    for count in range(1, 31):
        predict.answer_ahead(slices(count), Modality.CT, NoClassifiers())  # type: ignore[arg-type]
    ahead_of_time = list(asked_ahead.seen)
    assert ahead_of_time == [7, 12, 8, 17]  # 22 waits for a second one
    assert answers(asked_ahead, slices(30)) == ([2, 8, 12, 17, 22, 27], [7])
    assert sorted(asked_ahead.seen) == [2, 7, 8, 12, 17, 22, 27]  # each of them once
