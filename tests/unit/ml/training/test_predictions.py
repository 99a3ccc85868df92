from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.training.measure.predictions import read_predictions, write_predictions
from ml.training.scored_images import ScoredImages


def scored() -> ScoredImages:
    return ScoredImages(
        ("covid", "normal"),
        np.array([[0.123456, 0.876544], [2.34567e-7, 1 - 2.34567e-7]]),
        np.array([1, 0]),
        np.array(["here", "there"]),
        np.array(["g1", "g2"]),
        np.array(["a,b.jpg", "c.jpg"]),
    )


def test_predictions_come_back_with_five_digits(tmp_path: Path) -> None:
    write_predictions(tmp_path / "said.csv", {"validation": scored().take([1]), "test": scored()})
    back = read_predictions(tmp_path / "said.csv")
    assert list(back) == ["validation", "test"]
    assert back["test"].is_about_the_same_as(scored())
    assert back["test"].probabilities.tolist() == [[0.12346, 0.87654], [2.3457e-7, 1.0]]
    assert back["validation"].paths.tolist() == ["c.jpg"]


def test_what_was_read_is_written_again_to_the_letter(tmp_path: Path) -> None:
    write_predictions(tmp_path / "one.csv", {"test": scored()})
    write_predictions(tmp_path / "two.csv", read_predictions(tmp_path / "one.csv"))
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_a_file_without_labels_and_sources_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("part,path,group,covid,normal\ntest,a.jpg,g,0.5,0.5\n")
    with pytest.raises(ValueError, match="Evaluate again"):
        read_predictions(tmp_path / "old.csv")


@pytest.mark.parametrize("field", ["paths", "groups", "labels", "sources"])
def test_other_images_are_noticed(field: str) -> None:
    one = scored()
    values = {name: getattr(one, name) for name in ("labels", "sources", "groups", "paths")}
    other = ScoredImages(one.names, one.probabilities, **values | {field: values[field][::-1]})
    assert not one.is_about_the_same_as(other)
