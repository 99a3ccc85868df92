from __future__ import annotations

from pathlib import Path

import pytest

from ml.spec import Modality
from ml.training.data.manifest import read_rows

HEAD = "path,modality,label,source,group,protocol,licence\n"


def test_only_rows_of_the_modality_that_are_meant_for_training_are_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        HEAD
        + "a.jpg,cxr,covid,s,g1,train,l\n"
        + 'b.jpg,cxr,covid,s,g2,"darkcovidnet,train",l\n'
        + "c.jpg,cxr,covid,s,g3,darkcovidnet,l\n"
        + "d.jpg,ct,covid,s,g4,train,l\n"
    )
    assert [row.path for row in read_rows(tmp_path, Modality.CXR)] == ["a.jpg", "b.jpg"]
    assert [row.path for row in read_rows(tmp_path, Modality.CXR, "darkcovidnet")] == ["b.jpg", "c.jpg"]


def test_a_folder_without_manifest_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Give --data the folder"):
        read_rows(tmp_path, Modality.CXR)


def test_a_manifest_without_such_images_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(HEAD + "a.jpg,cxr,covid,s,g1,train,l\n")
    with pytest.raises(ValueError, match="no ct image"):
        read_rows(tmp_path, Modality.CT)
