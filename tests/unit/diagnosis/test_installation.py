"""What is installed is parsed once, and seen at once where it changes."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured

from diagnosis.analyses import classifiers
from diagnosis.models.modality import Modality
from diagnosis.rules import acceptance, installation
from ml import ensemble, serving
from ml.ensemble import EnsembleSpec
from ml.spec import ClassifierSpec
from ml.spec import Modality as MlModality
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
