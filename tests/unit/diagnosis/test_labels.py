"""What the portal knows of the labels of classifiers: those that an import takes, and what becomes of any other."""

from __future__ import annotations

import pytest

from diagnosis.models import Prediction
from diagnosis.results.answers import Given
from diagnosis.results.labels import LABELS, LOOKED_FOR, label_name
from diagnosis.reviews import agreement, queue
from ml.spec import NO_FINDING, Modality
from ml.training.modalities import LABELS as IMPORTED


def test_each_label_that_an_import_takes_has_a_name_and_a_meaning() -> None:
    assert {label for labels in IMPORTED.values() for label in labels} == set(LABELS)
    for modality in Modality:
        others = set(IMPORTED[modality]) - {LOOKED_FOR}
        assert others <= NO_FINDING | agreement._OTHER_FINDINGS
        assert others & NO_FINDING


@pytest.mark.parametrize(("clear", "is_finding"), [("normal", False), ("no-finding", True)])
def test_any_other_label_counts_as_a_finding(clear: str, is_finding: bool) -> None:
    """Of an older bundle: a healthy lung would go to the front, so no import takes such a label any more."""
    probabilities = {LOOKED_FOR: 0.02, clear: 0.98}
    point = {"positive_label": LOOKED_FOR, "threshold": 0.5}
    said = Given(clear, probabilities, 0.02, reached=False, zone="", point=point, abnormality=None)
    assert said.names_another is is_finding
    suspicion = queue.suspicion([Prediction(probabilities=probabilities)], None)
    assert suspicion == pytest.approx(1.0 if is_finding else 0.02)
    assert label_name("no-finding") == "no-finding"
