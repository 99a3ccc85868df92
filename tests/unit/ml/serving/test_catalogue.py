from __future__ import annotations

from pathlib import Path

import pytest

from ml.serving import BundleRefused, catalogue
from ml.spec import ClassifierSpec
from tests.unit.ml.specs import spec


def place(root: Path, one: ClassifierSpec) -> Path:
    folder = root / one.name / one.version
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(one.to_json())
    return folder


def test_the_newest_version_of_each_is_listed_by_name(tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0", "0.1.0"):
        place(tmp_path, spec(version=version))
    place(tmp_path, spec(name="another-cxr"))
    assert [each.identity for each in catalogue(tmp_path)] == ["another-cxr/1.0.0", "tiny-cxr/1.10.0"]


def test_an_empty_or_missing_folder_lists_nothing(tmp_path: Path) -> None:
    assert catalogue(tmp_path) == ()
    assert catalogue(tmp_path / "absent") == ()


def test_a_broken_spec_is_refused_with_a_sentence(tmp_path: Path) -> None:
    folder = place(tmp_path, spec())
    (folder / "spec.json").write_text("{}")
    with pytest.raises(BundleRefused, match="Restore it from the release") as refusal:
        catalogue(tmp_path)
    assert "spec.json" in refusal.value.sentence


def test_a_spec_in_the_folder_of_another_is_refused(tmp_path: Path) -> None:
    folder = place(tmp_path, spec())
    folder.rename(folder.with_name("2.0.0"))
    with pytest.raises(BundleRefused, match=r"tiny-cxr/1\.0\.0"):
        catalogue(tmp_path)
