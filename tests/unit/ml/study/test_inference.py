"""With the networks that ship: many images together are answered as each by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO serves the classifiers")

import ml
from ml import imaging
from ml.gate import Gate
from ml.imaging.phantom import chest_ct, chest_xray
from ml.imaging.windowing import lung_grey
from ml.lungs import lung_mask, lung_share
from ml.preprocessing import Pixels
from ml.serving import load, predict_all
from ml.serving.engine import BATCH, Network
from ml.serving.lungs import crop
from ml.spec import Modality
from ml.study.inference import ImageAnswers, Panel

ROOT = Path(ml.__file__).parent / "weights"
BLANK = np.full((300, 300), 0.5, dtype=np.float32)


def ct(seed: int) -> Pixels:
    return lung_grey(chest_ct(256 + seed, 256, seed=seed).astype(np.float32))


def panel(modality: Modality) -> Panel:
    return Panel(Gate.load(ROOT), load(ROOT, modality), modality)


def answers_of(modality: Modality, images: list[Pixels]) -> list[ImageAnswers]:
    answered = list(panel(modality).answer(enumerate(images)))
    assert [key for key, _ in answered] == list(range(len(images)))
    return [answers for _, answers in answered]


def assert_as_alone(modality: Modality, images: list[Pixels], together: list[ImageAnswers]) -> None:
    asked = panel(modality)
    for pixels, said in zip(images, together, strict=True):
        assert said.shape == pixels.shape
        assert said.refusal == asked.gate.refusal(pixels, modality)
        if said.refusal is not None:
            assert (said.answers, said.lung_share) == ((), None)
            continue
        alone = predict_all(asked.classifiers, pixels)
        # Nobody weighs X-rays by their lungs: what that takes is saved
        assert said.lung_share == (lung_share(pixels, modality) if modality.is_tomographic else None)
        for one, other in zip(said.answers, alone, strict=True):
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
            assert (one.label, one.positive) == (other.label, other.positive)


@pytest.mark.parametrize("number", [1, BATCH, BATCH + 3])
def test_synthetic_slices_together_are_answered_as_each_alone(number: int) -> None:
    images = [ct(seed) for seed in range(number)]
    images.insert(number // 2, BLANK)
    together = answers_of(Modality.CT, images)
    assert_as_alone(Modality.CT, images, together)
    assert sum(said.refusal is None for said in together) == number


def test_synthetic_xrays_together_are_answered_as_each_alone() -> None:
    images = [chest_xray(200 + 10 * seed, 240, seed=seed) for seed in range(BATCH + 1)]
    together = answers_of(Modality.CXR, images)
    assert_as_alone(Modality.CXR, images, together)
    assert sum(said.refusal is None for said in together) >= BATCH


def test_the_maps_of_an_xray_are_drawn_from_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, pixels = panel(Modality.CXR), chest_xray(260, 240, seed=1)
    alone = predict_all(asked.classifiers, pixels)
    ((_, said),) = asked.answer([("one", pixels)])
    monkeypatch.setattr(Network, "infer", None)
    drawn = asked.draw(said)
    assert drawn is not None
    for one, other in zip(drawn, alone, strict=True):
        assert (one.probabilities, one.label, one.positive) == (other.probabilities, other.label, other.positive)
        assert one.attention_label == other.attention_label
        assert np.array_equal(one.attention, other.attention)
        assert np.array_equal(one.seen, other.seen)
    # What is kept for later is small
    assert asked.draw(said.without_maps()) is None
    assert said.without_maps().answers == said.answers


def test_an_xray_in_which_no_lungs_are_found_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classifiers were taught to answer from the lungs: without any their answer was never measured."""
    asked, pixels = panel(Modality.CXR), chest_xray(260, 240, seed=1)
    monkeypatch.setattr(crop, "lungs_within", lambda *_: np.zeros(crop.LUNGS, dtype=np.float32))
    ((_, said),) = asked.answer([("one", pixels)])
    assert said.refusal is not None
    assert (said.refusal.code, said.refusal.params, said.answers) == ("without_lungs", {"variant": "cxr"}, ())
    assert "answer from the lungs alone" in said.refusal.sentence
    assert asked.predict(pixels) == said.refusal


def test_slices_keep_nothing_to_draw_maps_from() -> None:
    asked = panel(Modality.CT)
    ((_, said),) = asked.answer([("one", ct(0))])
    assert asked.draw(said) is None


def test_a_real_series_is_answered_as_each_of_its_slices(chest_data: Path) -> None:
    files = sorted((chest_data / "dicom" / "ct-series-covid").glob("*.dcm"))[::4]
    images = [imaging.decode(file.read_bytes()).pixels for file in files]
    together = answers_of(Modality.CT, images)
    assert_as_alone(Modality.CT, images, together)
    assert len({said.refusal is None for said in together}) == 2
    assert sum(said.refusal is None for said in together) > BATCH


def test_no_images_have_no_answers() -> None:
    assert answers_of(Modality.CT, []) == []


def test_images_that_are_all_refused_are_all_named() -> None:
    together = answers_of(Modality.CT, [BLANK] * 3)
    assert [said.refusal and said.refusal.code for said in together] == ["blank"] * 3


def test_images_are_fetched_in_the_callers_thread_and_not_all_at_once() -> None:
    """A database connection belongs to one thread, and 300 images at full size do not fit a worker."""
    fetched = []

    def images() -> Iterator[tuple[int, Pixels]]:
        for number in range(4 * BATCH):
            fetched.append(threading.get_ident())
            yield number, ct(number % 3)

    answered = panel(Modality.CT).answer(images())
    next(answered)
    assert BATCH <= len(fetched) <= 2 * BATCH
    assert len(list(answered)) == 4 * BATCH - 1
    assert set(fetched) == {threading.get_ident()}


def test_the_fault_of_one_image_ends_the_run() -> None:
    broken = np.full((300, 300), np.nan, dtype=np.float32)
    with pytest.raises(ValueError, match="finite float32"):
        answers_of(Modality.CT, [ct(0), broken])


def test_the_area_of_the_lungs_is_in_square_millimetres() -> None:
    pixels = ct(0)
    (said,) = answers_of(Modality.CT, [pixels])
    mask = lung_mask(pixels, Modality.CT)
    assert mask is not None
    assert said.lung_area((0.5, 2.0)) == pytest.approx(float(mask.sum()), rel=0.02)
    assert ImageAnswers(None, (), (8, 8), None).lung_area((1.0, 1.0)) is None


def test_what_is_left_of_a_batch_costs_no_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """An X-ray study of two images must not wait until networks are compiled for sixteen."""
    compiled: list[Network] = []
    monkeypatch.setattr(Network, "ready_batches", compiled.append)
    answers_of(Modality.CT, [ct(0), ct(1)])
    assert compiled == []
