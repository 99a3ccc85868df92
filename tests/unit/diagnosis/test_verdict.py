"""The words of a result."""

from __future__ import annotations

from typing import Any

import pytest

from diagnosis.models import Analysis, EnsemblePrediction, Prediction
from diagnosis.models.analysis import CLASSIFIERS_OFF
from diagnosis.models.review import Mark
from diagnosis.models.zone import Zone
from diagnosis.results import verdict
from diagnosis.results.answers import TONES
from diagnosis.results.marks import marks

WORDS = {Zone.NEGATIVE: "below", Zone.INDETERMINATE: "between", Zone.POSITIVE: "above"}


def prediction(covid: float, *, threshold: float = 0.3, label: str = "covid", **more: Any) -> Prediction:
    """Not saved: what a classifier said, as it is stored. With `zone` its operating point has a second threshold."""
    rest = {"pneumonia": (1 - covid) * 0.4, "normal": (1 - covid) * 0.6}
    return Prediction(
        classifier="a",
        probabilities={"covid": covid, **rest},
        label=label,
        operating_point={"positive_label": "covid", "threshold": threshold} | upper(more),
        probability=covid,
        at_or_above_threshold=covid >= threshold,
        **more,
    )


def upper(more: dict[str, Any]) -> dict[str, float]:
    return {"positive_from": 0.6} if more.get("zone") else {}


def combination(covid: float, zone: str) -> EnsemblePrediction:
    return EnsemblePrediction(
        ensemble="panel-cxr",
        version="1.0.0",
        probabilities={"covid": covid, "normal": 1 - covid},
        label="covid" if covid >= 0.5 else "normal",
        operating_point={"positive_label": "covid", "threshold": 0.3, "positive_from": 0.6},
        probability=covid,
        at_or_above_threshold=covid >= 0.3,
        zone=zone,
    )


def test_the_side_of_the_operating_point_is_said_in_words() -> None:
    above, below = verdict.of_prediction(prediction(0.8)), verdict.of_prediction(prediction(0.1, label="normal"))
    assert above.sentence == "COVID-19 pattern: at or above the threshold"
    assert (above.tone, above.label, above.beside) == ("positive", "COVID-19 pattern", "")
    assert below.sentence == "COVID-19 pattern: below the threshold"
    assert (below.tone, below.label, below.beside) == ("neutral", "normal-looking lung", "COVID-19 pattern 10.0\u00a0%")


def test_above_the_point_but_not_most_probable_shows_both() -> None:
    said = verdict.of_prediction(prediction(0.35, label="normal"))
    assert (said.status, said.label) == ("COVID-19 pattern: at or above the threshold", "normal-looking lung")
    assert said.beside == "COVID-19 pattern 35.0\u00a0%"


@pytest.mark.parametrize(
    ("panel", "tone", "sentence"),
    [
        ([0.8, 0.9], "positive", "COVID-19 pattern: 2 of 2 classifiers at or above their thresholds"),
        ([0.8, 0.1], "indeterminate", "COVID-19 pattern: 1 of 2 classifiers at or above their thresholds"),
        ([0.2, 0.1], "neutral", "COVID-19 pattern: 0 of 2 classifiers at or above their thresholds"),
    ],
)
def test_a_panel_is_summed_up_and_disagreement_named(panel: list[float], tone: str, sentence: str) -> None:
    said = verdict.of_several([prediction(covid) for covid in panel])
    assert (said.tone, said.sentence) == (tone, sentence)


@pytest.mark.parametrize("status", ["queued", "running", "failed", "cancelled"])
def test_no_result_is_never_a_number(status: str) -> None:
    said = verdict.of_analysis(Analysis(status=status, failure_code="x", failure_params={"sentence": "The reason."}))
    assert said.sentence
    assert (said.label, said.probability) == ("", "")
    assert (said.sentence == "The reason.") == (status == "failed")


@pytest.mark.parametrize(("retryable", "status"), [(True, "Failed"), (False, "Not classified")])
def test_what_was_refused_did_not_break(retryable: bool, status: str) -> None:
    said = verdict.of_analysis(
        Analysis(
            status="failed",
            failure_code="x",
            failure_params={"sentence": "The reason."},
            failure_retryable=retryable,
        )
    )
    assert (said.tone, said.status, said.sentence) == ("failed", status, "The reason.")


def test_what_the_clinic_switched_off_did_not_fail() -> None:
    off = Analysis(
        status="failed",
        failure_code=CLASSIFIERS_OFF,
        failure_params={"variant": "unaccepted_cxr"},
        failure_retryable=True,
    )
    said = verdict.of_analysis(off)
    assert (said.tone, said.status) == ("cancelled", "Not classified")
    assert "before it has measured" in said.sentence


def test_no_analysis_is_said() -> None:
    assert verdict.of_analysis(None).sentence == verdict.NEVER_ASKED


@pytest.mark.parametrize(
    ("covid", "zone", "sentence"),
    [
        (0.1, "negative", "COVID-19 pattern: below the lower threshold"),
        (0.4, "indeterminate", "COVID-19 pattern: between the two thresholds"),
        (0.8, "positive", "COVID-19 pattern: at or above the upper threshold"),
    ],
)
def test_two_thresholds_make_three_zones_of_a_combination_and_of_a_prediction(
    covid: float, zone: str, sentence: str
) -> None:
    for said in (verdict.of_ensemble(combination(covid, zone)), verdict.of_prediction(prediction(covid, zone=zone))):
        assert (said.tone, said.word, said.sentence) == (TONES[Zone(zone)], WORDS[Zone(zone)], sentence)
        assert said.status == sentence, "no zone is named without its finding"


def test_no_zone_confirms_or_rules_out_a_disease() -> None:
    for point in ({"positive_label": "covid", "threshold": 0.3, "positive_from": upper} for upper in (0.3, 0.6)):
        assert verdict.of_zone("negative", point).explained.endswith("That does not rule out a disease.")
        assert verdict.of_zone("positive", point).explained.endswith("That does not confirm a disease.")


def test_one_threshold_has_two_sides_and_no_zone() -> None:
    one_threshold = prediction(0.4)
    one_threshold.zone = "positive"
    one_threshold.operating_point["positive_from"] = 0.3
    assert verdict.of_prediction(one_threshold).status == "COVID-19 pattern: at or above the threshold"


def test_the_combination_speaks_for_its_members(db: None) -> None:
    analysis = Analysis(status="succeeded")
    analysis.ensemble_prediction = combination(0.4, "indeterminate")  # type: ignore[misc]
    said = verdict.of_analysis(analysis)
    assert (said.status, said.label, said.beside) == (
        "COVID-19 pattern: between the two thresholds",
        "normal-looking lung",
        "COVID-19 pattern 40.0\u00a0%",
    )


@pytest.mark.parametrize(
    ("predictions", "together", "expected"),
    [
        ([], None, []),
        ([prediction(0.1)], None, []),
        ([prediction(0.1), prediction(0.8)], None, [Mark.DISAGREEMENT]),
        ([prediction(0.1), prediction(0.8)], combination(0.2, "negative"), [Mark.DISAGREEMENT]),
        ([prediction(0.4), prediction(0.5)], combination(0.4, "indeterminate"), [Mark.INDETERMINATE]),
        # Who hesitates stands against nobody.
        ([prediction(0.1, zone="negative"), prediction(0.4, zone="indeterminate")], None, []),
        ([prediction(0.1, zone="negative"), prediction(0.8, zone="positive")], None, [Mark.DISAGREEMENT]),
        ([prediction(0.4, zone="indeterminate")], None, [Mark.INDETERMINATE]),
        # Of several without a combination none speaks for the others.
        ([prediction(0.4, zone="indeterminate"), prediction(0.5, zone="indeterminate")], None, []),
        # Where the attention of an earlier result lay is no reason to look again.
        ([prediction(0.1, attention_outside=0.9)], None, []),
    ],
)
def test_what_wants_an_eye(
    predictions: list[Prediction], together: EnsemblePrediction | None, expected: list[Mark]
) -> None:
    assert marks(predictions, together) == expected


def test_a_mark_counts_the_classifiers_it_is_about() -> None:
    assert "1 of 2 above their threshold, 1 below" in verdict.of_mark(
        Mark.DISAGREEMENT, [prediction(0.1), prediction(0.8)]
    )
