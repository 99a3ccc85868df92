"""A new classifier beside the ensemble that answers; tests of the whole path ask real networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="the figures' module starts Keras")

from ml.ensemble import ensembles
from ml.preprocessing import Pixels
from ml.spec import Modality
from ml.training.measure.bootstrap import estimates
from ml.training.measure.predictions import PREDICTIONS, read_predictions
from ml.training.publish.asking import Ensemble
from ml.training.publish.combine import combine
from ml.training.publish.compare import ANSWERING, DIFFERENCE, NEW, compare
from tests.unit.ml.training.members import store_member


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ensemble that guesses, and a classifier that knows; images tell which they are."""
    monkeypatch.setitem(estimates.__kwdefaults__, "resamples", 50)
    for name in ("vgg16-cxr", "xception-cxr"):
        store_member(tmp_path, name)
    combine(tmp_path, Modality.CXR, version="1.0.0")
    store_member(tmp_path, "clinic-cxr", skill=6.0)
    (spec,) = ensembles(tmp_path)

    class Guessing(Ensemble):
        def ask(self, pixels: Pixels) -> list[float]:
            first = float(pixels.mean())
            return [first, (1 - first) / 2, (1 - first) / 2]

    monkeypatch.setattr(Ensemble, "load", lambda *_: Guessing(spec, ()))
    return tmp_path


def draw(root: Path, data: Path) -> Path:
    said = read_predictions(root / "clinic-cxr" / "1.0.0" / PREDICTIONS)["test"]
    for number, path in enumerate(said.paths.tolist()):
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        grey = np.random.default_rng(number).integers(0, 255)
        # Files without loss: the grey is the answer
        Image.fromarray(np.full((4, 4), grey, np.uint8)).save(data / path, format="PNG")
    return data


def test_both_are_asked_about_the_same_images_and_the_difference_has_an_interval(root: Path, tmp_path: Path) -> None:
    comparison = compare(root, draw(root, tmp_path / "data"), "clinic-cxr")
    told = comparison.areas["covid among abnormal, everywhere"]
    assert told[NEW].value > 0.95
    assert told[ANSWERING].value < 0.8
    assert told[DIFFERENCE].value == pytest.approx(told[NEW].value - told[ANSWERING].value, abs=1e-3)
    assert told[DIFFERENCE].low < told[DIFFERENCE].value < told[DIFFERENCE].high
    assert comparison.areas["abnormal, everywhere"][NEW].value > 0.95
    assert (
        next(comparison.lines()) == "clinic-cxr/1.0.0 (new) and panel-cxr/1.0.0 (answering), on 60 images, 30 groups."
    )


def test_a_folder_without_the_images_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Give --data the folder that the classifier learnt from"):
        compare(root, tmp_path / "empty", "clinic-cxr")


def test_a_name_that_is_not_there_is_answered_with_those_that_are(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no vgg-cxr\. It holds clinic-cxr, vgg16-cxr, xception-cxr"):
        compare(root, tmp_path, "vgg-cxr")
