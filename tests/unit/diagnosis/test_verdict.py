"""The words of a result."""

from __future__ import annotations

import pytest

from diagnosis import verdict
from diagnosis.models import Analysis, Prediction
from diagnosis.templatetags.clinical import estimate


def prediction(covid: float, *, threshold: float = 0.3, label: str = "covid") -> Prediction:
    """Not saved: what a classifier said, as it is stored."""
    rest = {"pneumonia": (1 - covid) * 0.4, "normal": (1 - covid) * 0.6}
    return Prediction(
        classifier="a",
        probabilities={"covid": covid, **rest},
        label=label,
        operating_point={"positive_label": "covid", "threshold": threshold},
        probability=covid,
        positive=covid >= threshold,
    )


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        *((0.0, "< 0.1\u00a0%"), (0.00099, "< 0.1\u00a0%"), (0.0012, "0.1\u00a0%"), (0.634, "63.4\u00a0%")),
        *((0.9985, "99.9\u00a0%"), (0.9995, "> 99.9\u00a0%"), (1.0, "> 99.9\u00a0%")),
    ],
)
def test_no_probability_is_shown_as_a_certainty(probability: float, shown: str) -> None:
    assert verdict.percent(probability) == shown


def test_a_measured_share_is_shown_as_measured() -> None:
    measured = {"value": 1.0, "low": 0.94, "high": 1.0}
    assert estimate(measured) == "100.0\u00a0% (95\u00a0% interval 94.0 to 100.0\u00a0%)"


def test_the_side_of_the_operating_point_is_said_in_words() -> None:
    above, below = verdict.of_prediction(prediction(0.8)), verdict.of_prediction(prediction(0.1, label="normal"))
    assert above.sentence == "Above the operating point for COVID-19 pattern"
    assert (above.tone, above.label, above.beside) == ("positive", "COVID-19 pattern", "")
    assert below.sentence == "Below the operating point for COVID-19 pattern"
    assert (below.tone, below.label, below.beside) == ("negative", "no such pattern", "COVID-19 pattern 10.0\u00a0%")


def test_above_the_point_but_not_most_probable_shows_both() -> None:
    said = verdict.of_prediction(prediction(0.35, label="normal"))
    assert (said.status, said.label) == ("Above the operating point", "no such pattern")
    assert said.beside == "COVID-19 pattern 35.0\u00a0%"


@pytest.mark.parametrize(
    ("panel", "tone", "sentence"),
    [
        ([0.8, 0.9], "positive", "2 of 2 classifiers above their operating point"),
        ([0.8, 0.1], "indeterminate", "1 of 2 classifiers above their operating point"),
        ([0.2, 0.1], "negative", "0 of 2 classifiers above their operating point"),
    ],
)
def test_a_panel_is_summed_up_and_disagreement_named(panel: list[float], tone: str, sentence: str) -> None:
    said = verdict._of_panel([prediction(covid) for covid in panel])
    assert (said.tone, said.sentence) == (tone, sentence)


@pytest.mark.parametrize("status", ["queued", "running", "failed", "cancelled"])
def test_no_result_is_never_a_number(status: str) -> None:
    said = verdict.of_analysis(Analysis(status=status, failure_reason="The reason."))
    assert said.sentence
    assert (said.label, said.probability) == ("", "")
    assert (said.sentence == "The reason.") == (status == "failed")


def test_no_analysis_is_said() -> None:
    assert verdict.of_analysis(None).sentence == verdict.NEVER_ASKED
