"""What the portal says about a study: two questions, the finding named every time, the radiologist's word last."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.conf import settings

from diagnosis import formats
from diagnosis.analyses.predict import CombinedPrediction
from diagnosis.analyses.runner import ensemble_prediction_row
from diagnosis.models import Analysis, EnsemblePrediction, Prediction, ReadingPolicy
from diagnosis.models.zone import Zone
from diagnosis.results import words
from diagnosis.results.answers import given, given_frozen
from diagnosis.results.odds import frequency, tells_zones
from ml.ensemble import EnsembleSpec, ensembles
from tests.factories import ZONED

POINT = {**ZONED, "threshold": 0.0373, "positive_from": 0.2315}
ABNORMAL = {
    "threshold": 0.2,
    "abnormal_from": 0.6,
    "sensitivity": {"value": 0.95, "low": 0.9, "high": 0.98},
    "specificity": {"value": 0.8, "low": 0.75, "high": 0.85},
    "sources": {
        "rsna": {
            "sensitivity": {"value": 0.95, "low": 0.9, "high": 0.98},
            "specificity": {"value": 0.8, "low": 0.75, "high": 0.85},
            "abnormal": 830,
            "normal": 652,
        }
    },
    "measured_on": "the test part",
}


def ensemble(
    *, covid: float, pneumonia: float, zone: str, abnormality: dict[str, Any] | None = None, **point: Any
) -> EnsemblePrediction:
    probabilities = {"covid": covid, "pneumonia": pneumonia, "normal": 1 - covid - pneumonia}
    return EnsemblePrediction(
        ensemble="panel-cxr",
        version="1.0.0",
        probabilities=probabilities,
        label=max(probabilities, key=probabilities.__getitem__),
        operating_point=POINT | point,
        probability=covid,
        at_or_above_threshold=covid >= 0.0373,
        zone=zone,
        abnormality=abnormality,
    )


def abnormality(probability: float, zone: str) -> dict[str, Any]:
    return {"probability": probability, "zone": zone, "operating_point": ABNORMAL}


def said(row: EnsemblePrediction, **policy: Any) -> words.Computer:
    return words.of_given(given(row), policy=ReadingPolicy(**policy))


def test_another_pneumonia_is_never_headed_by_a_negative() -> None:
    """The image that was headed "Negative zone" while its likeliest class was another pneumonia at 85.9 %."""
    row = ensemble(covid=0.018, pneumonia=0.859, zone="negative", abnormality=abnormality(0.98, "positive"))
    found = said(row)
    assert (found.tone, found.short) == ("positive", "Computer: lung looks abnormal")
    assert found.rest == ("likeliest other pneumonia pattern. COVID-19 pattern: below the lower threshold (1.8\u00a0%)")
    assert found.likeliest is not None
    assert found.likeliest.named == "other pneumonia pattern", "no second number beside that of the first question"
    assert "egative" not in found.sentence


def test_a_result_from_before_the_first_question_leads_with_its_likeliest_class() -> None:
    found = said(ensemble(covid=0.018, pneumonia=0.859, zone="negative"))
    assert found.tone == "positive", "another disease is likeliest: no colour of reassurance"
    assert found.sentence == (
        "Computer: likeliest other pneumonia pattern (85.9\u00a0%); "
        "COVID-19 pattern: below the lower threshold (1.8\u00a0%)"
    )


@pytest.mark.parametrize(
    ("zone", "short", "tone"),
    [
        ("negative", "Computer: no abnormal lung pattern found", "neutral"),
        ("indeterminate", "Computer: unclear whether the lung is abnormal", "indeterminate"),
        ("positive", "Computer: lung looks abnormal", "positive"),
    ],
)
def test_the_first_question_leads_and_gives_the_colour(zone: str, short: str, tone: str) -> None:
    found = said(ensemble(covid=0.02, pneumonia=0.1, zone="negative", abnormality=abnormality(0.12, zone)))
    assert (found.short, found.tone) == (short, tone)
    assert [answer.name for answer in found.answers] == ["Abnormal lung", "COVID-19 pattern"]


def test_a_suspected_covid_pattern_is_never_calm() -> None:
    row = ensemble(covid=0.3, pneumonia=0.1, zone="positive", abnormality=abnormality(0.12, "negative"))
    assert said(row).tone == "positive"


def test_the_likeliest_answer_has_the_precision_that_was_measured_for_it() -> None:
    answers = {"pneumonia": {"precision": {"value": 0.5, "low": 0.4, "high": 0.606}, "recall": {}}}
    found = said(ensemble(covid=0.02, pneumonia=0.8, zone="negative", answers=answers))
    assert found.likeliest is not None
    assert found.likeliest.worth.startswith("of the test images given this answer, 50.0\u00a0%")
    unmeasured = said(ensemble(covid=0.02, pneumonia=0.8, zone="negative"))
    assert unmeasured.likeliest is not None
    assert "not measured" in unmeasured.likeliest.worth


@pytest.mark.parametrize("shipped", ensembles(settings.ML_WEIGHTS_ROOT), ids=lambda one: str(one.identity))
def test_both_questions_are_told_by_source_for_what_ships(shipped: EnsembleSpec) -> None:
    """The sources of what ships have images of one side alone."""
    row = ensemble_prediction_row(uuid.uuid4(), CombinedPrediction(shipped, _spread(shipped)))
    found = {answer.name: answer for answer in said(row, show_research_only=True).answers}
    expected = {"COVID-19 pattern": (shipped.sources, "positive", "negative")}
    if shipped.abnormality:
        expected["Abnormal lung"] = (shipped.abnormality.sources, "abnormal", "normal")
    assert set(found) == set(expected)
    for name, (sources, with_it, without) in expected.items():
        counts = {source: (one[with_it], one[without]) for source, one in sources.items()}
        assert {source: (have, lack) for source, _, _, have, lack in found[name].sources} == counts
        for source, sensitivity, specificity, have, lack in found[name].sources:
            assert (sensitivity == formats.DASH, specificity == formats.DASH) == (not have, not lack), source


def _spread(ensemble: EnsembleSpec) -> dict[str, float]:
    return dict.fromkeys(ensemble.labels, 1 / len(ensemble.labels))


def test_sensitivity_specificity_and_frequency_stand_beside_each_answer() -> None:
    lung, covid = said(
        ensemble(covid=0.02, pneumonia=0.8, zone="negative", abnormality=abnormality(0.9, "positive"))
    ).answers
    assert lung.sensitivity.startswith("95.0\u00a0%")
    assert lung.sources[0][0] == "rsna"
    # 0.95 · 0.3 / (0.95 · 0.3 + 0.2 · 0.7) = 0.671
    assert lung.frequency.startswith("Of 100 images at or above the lower threshold, about 67 (61 to 74) show")
    assert lung.frequency.endswith("This assumes that 30 of every 100 images in the clinic do.")
    assert "about 0.3 (0.2 to 0.5) come from people with COVID-19 all the same" in covid.frequency
    row = ensemble(covid=0.02, pneumonia=0.8, zone="negative")
    row.operating_point = {**row.operating_point, "positive_label": "pneumonia"}
    (other,) = said(row).answers
    assert (other.name, other.frequency) == ("other pneumonia pattern", "")


def test_the_clinic_sets_the_share_that_is_assumed() -> None:
    row = ensemble(covid=0.5, pneumonia=0.1, zone="positive", abnormality=abnormality(0.9, "positive"))
    lung, covid = said(row, abnormal_percent=60, covid_percent=0.5).answers
    assert "assumes that 60 of every" in lung.frequency
    assert "assumes that 0.5 of every" in covid.frequency
    assert "about 88 (" in lung.frequency  # 0.95 · 0.6 / (0.95 · 0.6 + 0.2 · 0.4) = 0.877


ZONES = {
    **ABNORMAL,
    "positive_zone": {
        "sensitivity": {"value": 0.7, "low": 0.6, "high": 0.8},
        "specificity": {"value": 0.9, "low": 0.88, "high": 0.92},
    },
}


@pytest.mark.parametrize(
    ("zone", "said", "worth"),
    [
        # 0.7 · 0.3 / (0.7 · 0.3 + 0.1 · 0.7); at worst 0.6 and 0.12, at best 0.8 and 0.08
        ("positive", "Of 100 images at or above the upper threshold, about 75 (68 to 81) show an abnormal lung.", "70"),
        # 0.25 · 0.3 / (0.25 · 0.3 + 0.1 · 0.7); at worst 0.1 and 0.17, at best 0.38 and 0.03
        ("indeterminate", "Of 100 images between the two thresholds, about 52 (20 to 84) show an abnormal lung.", "95"),
        # 0.05 · 0.3 / (0.05 · 0.3 + 0.8 · 0.7); at worst 0.1 and 0.75, at best 0.02 and 0.85
        (
            "negative",
            "Of 100 images below the lower threshold, about 3 (1 to 5) show an abnormal lung all the same.",
            "95",
        ),
    ],
)
def test_each_zone_is_worth_something_of_its_own(zone: str, said: str, worth: str) -> None:
    """An image far above the upper threshold is not called "44 of 100" with those just above the lower one."""
    stored = {"probability": 0.9, "zone": zone, "operating_point": ZONES}
    lung = words.of_given(
        given(ensemble(covid=0.02, pneumonia=0.8, zone="negative", abnormality=stored)), policy=ReadingPolicy()
    ).answers[0]
    assert lung.frequency.startswith(said)
    assert lung.sensitivity.startswith(worth)
    assert lung.at_upper == (zone == "positive")


@pytest.mark.parametrize("shipped", ensembles(settings.ML_WEIGHTS_ROOT), ids=lambda one: str(one.identity))
def test_what_ships_tells_each_zone(shipped: EnsembleSpec) -> None:
    row = ensemble_prediction_row(uuid.uuid4(), CombinedPrediction(shipped, _spread(shipped)))
    assert tells_zones(row.operating_point)
    if row.abnormality:
        assert tells_zones(row.abnormality["operating_point"])


@pytest.mark.parametrize(
    ("zone", "prevalence", "expected"),
    [
        # 90 of 1,000 with the finding are found, 90 of 900 without it are false alarms.
        (Zone.POSITIVE, 0.1, 50.0),
        (Zone.INDETERMINATE, 0.1, 50.0),  # the upper threshold was not measured
        (Zone.NEGATIVE, 0.1, 100 * 10 / 820),
    ],
)
def test_bayes(zone: Zone, prevalence: float, expected: float) -> None:
    exact = {"value": 0.9, "low": 0.9, "high": 0.9}
    found = frequency({"sensitivity": exact, "specificity": exact}, prevalence=prevalence, zone=zone)
    assert found.value == pytest.approx(expected)
    assert found.low == pytest.approx(found.high)


def test_ct_is_for_research_and_folded_until_the_clinic_switches_it_on() -> None:
    row = ensemble(covid=0.5, pneumonia=0.1, zone="positive", research_only=True)
    folded, shown = said(row), said(row, show_research_only=True)
    assert (folded.short, folded.rest, folded.folded) == (
        "Computer: for research only, not used here",
        "",
        True,
    )
    assert folded.tone == "neutral"
    assert folded.answers, "nothing is lost"
    assert shown.short.startswith("Research only. Computer: ")
    assert not shown.folded
    assert shown.caution


def test_old_results_of_ct_are_for_research_too() -> None:
    row = ensemble(covid=0.5, pneumonia=0.1, zone="positive")
    row.probabilities = {"covid": 0.5, "non-covid": 0.5}
    assert said(row).folded


def test_a_frozen_result_says_what_the_row_said() -> None:
    row = ensemble(covid=0.018, pneumonia=0.859, zone="negative", abnormality=abnormality(0.98, "positive"))
    frozen = {
        name: getattr(row, name)
        for name in ("label", "probabilities", "probability", "at_or_above_threshold", "zone", "operating_point")
    }
    analysis = {"predictions": [], "combination": frozen | {"abnormality": row.abnormality}}
    policy = ReadingPolicy()
    assert words.computer_frozen(analysis, policy=policy) == words.of_given(given(row), policy=policy)
    assert words.computer_frozen(None, policy=policy) is None


def test_a_frozen_result_from_before_zones_is_read() -> None:
    one = {"label": "covid", "probabilities": {"covid": 0.8, "normal": 0.2}, "probability": 0.8, "positive": True}
    found = given_frozen(one | {"operating_point": {"positive_label": "covid", "threshold": 0.4}})
    said = words.of_given(found, policy=ReadingPolicy())
    assert said.sentence == "Computer: COVID-19 pattern: at or above the threshold (80.0\u00a0%)"
    assert said.answers[0].frequency == "", "never measured: nothing is said of how many"


def test_classifiers_that_were_not_combined_name_the_finding(db: None) -> None:
    def one(covid: float) -> Prediction:
        rest = {"pneumonia": (1 - covid) * 0.9, "normal": (1 - covid) * 0.1}
        probabilities = {"covid": covid, **rest}
        return Prediction(
            classifier="a",
            probabilities=probabilities,
            label=max(probabilities, key=probabilities.__getitem__),
            operating_point={"positive_label": "covid", "threshold": 0.3},
            probability=covid,
            at_or_above_threshold=covid >= 0.3,
        )

    found = words._of_several([one(0.1), one(0.2)], ReadingPolicy())
    assert found.short == "Computer: COVID-19 pattern: 0 of 2 classifiers at or above their thresholds"
    assert found.rest == "likeliest for all of them other pneumonia pattern (72.0\u00a0% to 81.0\u00a0%)"
    assert found.tone == "positive", "another disease is likeliest"


@pytest.mark.parametrize("status", ["queued", "running", "failed", "cancelled"])
def test_an_analysis_without_a_result_says_so(status: str) -> None:
    analysis = Analysis(status=status, failure_code="x", failure_params={"sentence": "The reason."})
    found = words.computer(analysis, policy=ReadingPolicy())
    assert found.short.startswith("Computer: ")
    assert found.rest
    assert not found.answers


def test_what_is_hidden_until_read_says_so() -> None:
    analysis = Analysis(status="succeeded")
    found = words.computer(analysis, policy=ReadingPolicy(hide_until_read=True), hidden=True)
    assert found.rest == words.HIDDEN_UNTIL_READ
    assert not found.answers
