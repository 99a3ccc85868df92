from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.gate.training.negatives import Role, read_negatives
from ml.gate.training.verdicts import ACCEPTED, Verdict, counted, share
from ml.spec import Modality

HEAD = "path,kind,source,group,part,licence\n"


def test_rows_come_by_role(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(HEAD + "a.png,photograph,one,g,fit,MIT\nb.png,document,two,h,measure,MIT\n")
    assert [row.path for row in read_negatives(tmp_path, Role.FIT)] == ["a.png"]
    assert [row.source for row in read_negatives(tmp_path, Role.MEASURE)] == ["two"]


def test_a_source_is_never_fitted_and_measured_on(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        HEAD + "a.png,photograph,one,g,fit,MIT\nb.png,photograph,one,h,measure,MIT\n"
    )
    with pytest.raises(ValueError, match="both fits and measures on one"):
        read_negatives(tmp_path, Role.FIT)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--negatives"):
        read_negatives(tmp_path, Role.FIT)


def verdicts(*codes: str) -> list[Verdict]:
    return [Verdict(Modality.CT, "right", "s", f"g{number // 2}", code) for number, code in enumerate(codes)]


def test_the_share_has_an_interval_over_groups() -> None:
    found = share(verdicts(*[ACCEPTED] * 10, *["turned"] * 10), accepted=False)
    assert found.value == 0.5
    assert 0.1 <= found.low < 0.4 < 0.6 < found.high <= 0.9


def test_no_refusal_at_all_is_not_taken_for_certainty() -> None:
    found = share(verdicts(*[ACCEPTED] * 40), accepted=False)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 20), abs=1e-3)


def test_codes_are_counted_the_commonest_first() -> None:
    assert list(counted(["b", "a", "b"]).items()) == [("b", 2), ("a", 1)]
    assert np.isscalar(counted(["a"])["a"])
