"""The gate, every classifier and the lungs over the images of a study: slices in batches, X-rays one by one.

Where a classifier looked at an X-ray is drawn from the answer itself; for a slice it is asked again, by
`Panel.predict`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from typing import Self, TypeVar

from ml.gate import Gate, GateRefusal, refuse_without_lungs
from ml.lungs import lung_share
from ml.pooling import shows_lungs
from ml.preprocessing import Pixels, Prepared, Size
from ml.serving import Answer, Classifier, Prediction, predict_prepared, prepare_once
from ml.serving.classifier import Input
from ml.serving.engine import BATCH
from ml.spec import Modality

Key = TypeVar("Key")
Task = TypeVar("Task")
Made = TypeVar("Made")
# Millimetres between the centres of rows and of columns
Spacing = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Drawable:
    """What attention maps are drawn from: the `prepared` image, and float32 (h', w', classes) of each classifier."""

    prepared: Mapping[Input, Prepared]
    maps: tuple[Pixels, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ImageAnswers:
    """What gate, classifiers and lungs say of one image of `shape` (h, w) in pixels.

    `refusal` is why no classifier may read it, or None. `answers` are those of the classifiers in the order in which
    they were given; empty where the gate refused. `lung_share` is the share of a slice that the lungs cover, in
    (0, 1]; None where the gate refused or they were not found with confidence, and for X-rays, where nobody asks.
    `drawable` is there of an X-ray that classifiers read.
    """

    refusal: GateRefusal | None
    answers: tuple[Answer, ...]
    shape: Size
    lung_share: float | None
    drawable: Drawable | None = None

    def without_maps(self) -> Self:
        """The same, small: to be kept."""
        return replace(self, drawable=None)

    def lung_area(self, spacing: Spacing) -> float | None:
        """The area of the lungs in square millimetres, of an image with this spacing."""
        if self.lung_share is None:
            return None
        height, width = self.shape
        return self.lung_share * height * spacing[0] * width * spacing[1]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is left of an image once it has been looked at; `prepared` is None where the gate refused."""

    refusal: GateRefusal | None
    prepared: dict[Input, Prepared] | None
    shape: Size
    lung_share: float | None


@dataclass(frozen=True)
class Panel:
    """Gate and classifiers of one modality."""

    gate: Gate
    classifiers: Sequence[Classifier]
    modality: Modality

    def ready_batches(self) -> None:
        """Compile for batches now, which takes a second or two, and not when the first study comes."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Classifier.ready_batches, self.classifiers))

    def answer(self, images: Iterable[tuple[Key, Pixels]]) -> Iterator[tuple[Key, ImageAnswers]]:
        """Ask gate and classifiers about many images: each key with the answers to its image, in the order of `images`.

        Pixels float32 (h, w) in [0, 1], 0 is air; of any shapes. `images` is read in the caller's thread, one image
        at a time and at most two batches ahead of the answers; of each only what the networks read is kept. Answers
        are those of the single image to within rounding (1e-5). Raises ValueError for other pixels.
        """
        seen = ((key, self._look(pixels)) for key, pixels in images)
        if self.modality.is_tomographic:
            for answered in _one_ahead(self._finish, _batches(seen)):
                yield from answered
        else:
            yield from _one_ahead(self._finish_alone, seen)

    def predict(self, pixels: Pixels) -> tuple[Prediction, ...] | GateRefusal:
        """What each classifier predicts for one image and where it looked, or why none may read it.

        Pixels float32 (h, w) in [0, 1], 0 is air. Raises ValueError for other pixels.
        """
        prepared = self._prepare(pixels)
        if isinstance(prepared, GateRefusal):
            return prepared
        return tuple(each.predict_prepared(prepared[each.input], pixels.shape) for each in self.classifiers)

    def draw(self, said: ImageAnswers) -> tuple[Prediction, ...] | None:
        """Each classifier's answer with where it looked; None where nothing was kept to draw that from."""
        kept = said.drawable
        if kept is None:
            return None
        asked = zip(self.classifiers, said.answers, kept.maps, strict=True)
        return tuple(each.draw(answer, maps, kept.prepared[each.input], said.shape) for each, answer, maps in asked)

    def _prepare(self, pixels: Pixels) -> dict[Input, Prepared] | GateRefusal:
        """What the classifiers read of an image, or why they may not: the gate refuses it, or no lungs are found."""
        refusal = self.gate.refusal(pixels, self.modality)
        if refusal:
            return refusal
        prepared = prepare_once(self.classifiers, pixels)
        if any(each.view.lungs is not None and not shows_lungs(each.view) for each in prepared.values()):
            return refuse_without_lungs(self.modality)
        return prepared

    def _look(self, pixels: Pixels) -> _Seen:
        prepared = self._prepare(pixels)
        height, width = pixels.shape
        if isinstance(prepared, GateRefusal):
            return _Seen(prepared, None, (height, width), None)
        # Nobody weighs X-rays by their lungs
        share = lung_share(pixels, self.modality) if self.modality.is_tomographic else None
        return _Seen(None, prepared, (height, width), share)

    def _finish_alone(self, seen: tuple[Key, _Seen]) -> tuple[Key, ImageAnswers]:
        key, one = seen
        if one.prepared is None:
            return key, ImageAnswers(one.refusal, (), one.shape, one.lung_share)
        answers, maps = zip(*(each.answer(one.prepared[each.input]) for each in self.classifiers), strict=True)
        return key, ImageAnswers(None, answers, one.shape, one.lung_share, Drawable(one.prepared, maps))

    def _finish(self, seen: Sequence[tuple[Key, _Seen]]) -> list[tuple[Key, ImageAnswers]]:
        asked = [one.prepared for _, one in seen if one.prepared is not None]
        answers = iter(predict_prepared(self.classifiers, asked))
        return [
            (key, ImageAnswers(one.refusal, () if one.refusal else next(answers), one.shape, one.lung_share))
            for key, one in seen
        ]


def _batches(seen: Iterable[tuple[Key, _Seen]]) -> Iterator[list[tuple[Key, _Seen]]]:
    """Runs of images of which BATCH pass the gate, so that batches are full; the last run may hold fewer."""
    held: list[tuple[Key, _Seen]] = []
    passed = count(1)
    for key, one in seen:
        held.append((key, one))
        if one.prepared is not None and next(passed) % BATCH == 0:
            yield held
            held = []
    if held:
        yield held


def _one_ahead(work: Callable[[Task], Made], tasks: Iterable[Task]) -> Iterator[Made]:
    """The results of `work`, done in a thread of its own while this one fetches the next task.

    Networks compute outside Python's lock, decoders mostly inside it: together they fill two cores.
    """
    running: Future[Made] | None = None
    with ThreadPoolExecutor(1) as pool:
        for task in tasks:
            begun = pool.submit(work, task)
            if running is not None:
                yield running.result()
            running = begun
        if running is not None:
            yield running.result()
