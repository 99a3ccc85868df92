"""Which panel may speak: exactly the one whose members are active, each in the version it was measured with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from diagnosis.analyses import classifiers
from diagnosis.messages import sentences
from ml.ensemble import EnsembleSpec
from ml.spec import Modality
from tests.unit.ml.specs import POINT, spec

MEMBERS = ("a-cxr/1.0.0", "b-cxr/1.0.0", "c-cxr/2.0.0")


@pytest.fixture(autouse=True)
def panel(tmp_path: Path, settings: Any) -> None:
    """An installation with the panel of MEMBERS."""
    settings.ML_WEIGHTS_ROOT = tmp_path
    found = EnsembleSpec("panel-cxr", "1.0.0", Modality.CXR, spec().labels, MEMBERS, 1.0, POINT)
    folder = tmp_path / "panel-cxr" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "panel.json").write_text(found.to_json())


def active(*identities: str) -> list[Any]:
    return [spec(name=name, version=version) for name, version in (each.split("/") for each in identities)]


def test_all_members_make_the_panel_speak() -> None:
    found, reasons = classifiers.ensemble_for(active(*reversed(MEMBERS)))
    assert found is not None
    assert (found.identity, reasons) == ("panel-cxr/1.0.0", ())


def test_a_classifier_that_is_no_member_does_not_silence_the_ensemble() -> None:
    found, reasons = classifiers.ensemble_for(active(*MEMBERS, "d-cxr/1.0.0"))
    assert found is not None
    assert (found.identity, reasons) == ("panel-cxr/1.0.0", ())


@pytest.mark.parametrize(
    ("identities", "switched_off", "reason"),
    [
        (MEMBERS[1:], {"a-cxr"}, "a-cxr is switched off."),
        (MEMBERS[1:], set(), "a-cxr 1.0.0 is not installed."),
        (("a-cxr/1.1.0", *MEMBERS[1:]), set(), "a-cxr 1.1.0 is active instead of 1.0.0."),
        (MEMBERS[2:], {"a-cxr", "b-cxr"}, "a-cxr is switched off. b-cxr is switched off."),
    ],
)
def test_any_other_set_is_refused_with_the_reason(
    identities: tuple[str, ...], switched_off: set[str], reason: str, settings: Any
) -> None:
    settings.INACTIVE_CLASSIFIERS = switched_off
    found, reasons = classifiers.ensemble_for(active(*identities))
    assert found is None
    assert sentences(one.as_json() for one in reasons) == (
        f"{reason} The combination was measured with exactly the classifiers of panel-cxr 1.0.0."
    )


def test_a_modality_without_a_panel_says_so_only_where_there_is_something_to_combine() -> None:
    slices = [spec(name=name, modality=Modality.CT) for name in ("a-ct", "b-ct")]
    assert classifiers.ensemble_for(slices) == (None, (classifiers.NONE_MEASURED,))
    assert classifiers.ensemble_for(slices[:1]) == (None, ())
