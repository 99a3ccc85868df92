"""What is installed is parsed once, and seen at once where it changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.conf import settings as configured

from diagnosis.analyses import ahead, classifiers, predict
from diagnosis.analyses.aggregation import ImageSource
from diagnosis.models.modality import Modality
from diagnosis.rules import acceptance, installation
from ml import ensemble, serving
from ml.ensemble import EnsembleSpec
from ml.spec import ClassifierSpec
from ml.spec import Modality as MlModality
from ml.study.inference import ImageAnswers
from tests.unit.ml.specs import ABNORMALITY, POINT, spec

MEMBERS = [spec(name=name) for name in ("a-cxr", "b-cxr")]
PANEL = EnsembleSpec(
    "panel-cxr",
    "1.0.0",
    MlModality.CXR,
    spec().labels,
    tuple(one.identity for one in MEMBERS),
    1.0,
    POINT,
    abnormality=ABNORMALITY,
)


def install(one: ClassifierSpec | EnsembleSpec) -> Path:
    folder: Path = configured.ML_WEIGHTS_ROOT / one.identity
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / ("panel.json" if isinstance(one, EnsembleSpec) else "spec.json")
    file.write_text(one.to_json())
    return file


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, settings: Any) -> None:
    settings.ML_WEIGHTS_ROOT = tmp_path
    for one in (*MEMBERS, PANEL):
        install(one)


def here() -> tuple[list[str], list[str]]:
    specs, ensembles = classifiers.installed_specs(), classifiers.ensembles()
    return [one.identity for one in specs], [one.identity for one in ensembles]


def test_what_stays_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = acceptance.installed()
    assert first[Modality.CXR].version == "1.0.0"
    monkeypatch.delattr(serving, "catalogue")
    monkeypatch.delattr(ensemble, "ensembles")
    assert acceptance.installed() == first
    assert here() == (["a-cxr/1.0.0", "b-cxr/1.0.0"], ["panel-cxr/1.0.0"])


def test_a_version_that_is_installed_or_removed_later_is_seen_at_once() -> None:
    before = acceptance.installed()
    newer = replace(MEMBERS[1], version="1.1.0", weights_sha256="f" * 64)
    install(newer)
    assert here() == (["a-cxr/1.0.0", "b-cxr/1.1.0"], ["panel-cxr/1.0.0"])
    file = install(replace(PANEL, version="1.1.0", members=(MEMBERS[0].identity, newer.identity)))
    assert here()[1] == ["panel-cxr/1.1.0"]
    (found,) = acceptance.installed().values()
    assert (found.version, found.classifiers[1]) == ("1.1.0", f"b-cxr/1.1.0 {'f' * 64}")

    shutil.rmtree(file.parent)
    shutil.rmtree(configured.ML_WEIGHTS_ROOT / newer.identity)
    assert acceptance.installed() == before


def test_a_file_that_is_written_again_is_parsed_again() -> None:
    """As where somebody restores it; also within one tick of the clock, and where it is as long as before."""
    file = install(PANEL)
    before, written = here(), file.stat()
    install(replace(PANEL, temperature=1.25))
    os.utime(file, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert [one.temperature for one in installation.ensembles()] == [1.25]
    install(replace(PANEL, temperature=1.75))
    os.utime(file, ns=(written.st_atime_ns, written.st_mtime_ns + 1))
    assert [one.temperature for one in installation.ensembles()] == [1.75]
    assert here() == before


def test_what_cannot_be_used_is_refused_until_it_is_mended() -> None:
    file = install(MEMBERS[0])
    file.write_text("{}")
    for _ in range(2):
        with pytest.raises(serving.BundleRefused, match="cannot be used"):
            installation.specs()
    install(MEMBERS[0])
    assert here()[0] == ["a-cxr/1.0.0", "b-cxr/1.0.0"]


class FakePanel:
    """Answers as two classifiers do, while another version of their ensemble is installed."""

    def __init__(self, asked: classifiers.Chosen) -> None:
        self.classifiers, self._labels = asked.classifiers, spec().labels
        self._said = {
            label: 0.5 if place == 0 else 0.5 / (len(self._labels) - 1) for place, label in enumerate(self._labels)
        }

    def answer(self, images: Iterable[tuple[ImageSource, Any]]) -> Iterator[tuple[ImageSource, ImageAnswers]]:
        for source, _pixels in images:
            install(replace(PANEL, version="2.0.0", temperature=3.0))
            answers = tuple(serving.Answer(self._said, self._labels[0], False, 1.0) for _ in self.classifiers)
            yield source, ImageAnswers(None, answers, (2, 2), None)

    def draw(self, said: ImageAnswers) -> tuple[serving.Prediction, ...]:
        picture = np.zeros((2, 2), np.float32)
        one = serving.Prediction(self._said, self._labels[0], False, picture, self._labels[0], picture, 1.0)
        return tuple(one for _ in self.classifiers)


def test_a_study_is_combined_by_one_version_from_its_first_image_to_its_last(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = classifiers.Chosen([SimpleNamespace(spec=one) for one in MEMBERS])  # type: ignore[misc]
    monkeypatch.setattr(ahead, "recall", lambda _panel, _sources: {})
    monkeypatch.setattr(predict, "_panel", lambda _active, _modality: FakePanel(asked))
    sources = [ImageSource(UUID(int=number), lambda: np.zeros((2, 2), np.float32), UUID(int=9)) for number in (1, 2)]
    made = predict.predict_study(sources, Modality.CXR, asked).predictions.combined
    assert here()[1] == ["panel-cxr/2.0.0"]
    assert made is not None
    said = FakePanel(asked)._said
    assert made.probabilities == pytest.approx(PANEL.combine(dict.fromkeys(PANEL.members, said)))
    assert made.ensemble == PANEL  # whose thresholds are those of these probabilities
