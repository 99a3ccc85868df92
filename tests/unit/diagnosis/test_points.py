"""What is said of a point that some places alone measured, or whose positive zone no probability reaches."""

from __future__ import annotations

import uuid
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from delivery.dicom import result
from diagnosis.analyses.predict import CombinedPrediction
from diagnosis.analyses.runner import ensemble_prediction_row
from diagnosis.interchange.fhir.results import _ranges
from diagnosis.models import EnsemblePrediction, ReadingPolicy
from diagnosis.models.zone import Zone, upper_threshold
from diagnosis.oversight.acceptance_paper import _upper
from diagnosis.patients.trend import Point
from diagnosis.reports.pdf.content import _machine_notes, _standing
from diagnosis.results import verdict, words
from diagnosis.results.answers import elsewhere_sentence, given
from diagnosis.rules.thresholds import SiteThresholds
from ml.ensemble import EnsembleSpec
from ml.spec import Modality
from tests.unit.ml.specs import ABNORMALITY
from tests.unit.ml.specs import POINT as SPECIFIED

ESTIMATE = {"value": 0.8, "low": 0.7, "high": 0.9}
WHERE = "the abnormal lungs of ieee8023 in the test part"
ALL = "the test part (725 images, 625 groups)"
AUC, OWN_AUC = {"value": 0.97, "low": 0.95, "high": 0.98}, {"value": 0.79, "low": 0.64, "high": 0.89}
NEVER = {"positive_label": "covid", "threshold": 0.3, "positive_from": 1.0, "chosen_for": "tests"}
FITTED: dict[str, Any] = {
    "cross_fitted": {end: {"sensitivity": ESTIMATE, "specificity": ESTIMATE} for end in ("lower", "upper")},
    "aims": {"sensitivity": 0.95, "specificity": 0.9},
}
BOTH_ZONES = NEVER | {"positive_from": 0.6}
SAME = NEVER | {"positive_from": 0.3}
SPEC = EnsembleSpec(
    "panel-cxr",
    "2.0.0",
    Modality.CXR,
    ("covid", "pneumonia", "normal"),
    ("vgg16-cxr/2.0.0", "xception-cxr/2.0.0"),
    temperature=1.0,
    operating_point=replace(SPECIFIED, domains=("ieee8023",), measured_on=WHERE),
    metrics={
        "measured_on": ALL,
        "auc/covid": AUC,
        "auc/covid/domains": OWN_AUC,
        **{f"{name}/positive_zone": ESTIMATE for name in ("sensitivity", "specificity")},
    },
    abnormality=replace(ABNORMALITY, domains=("rsna", "shenzhen"), measured_on="the images of rsna and shenzhen"),
)


def row(spec: EnsembleSpec, covid: float = 0.5) -> EnsemblePrediction:
    said = {"covid": covid, "pneumonia": (1 - covid) / 2, "normal": (1 - covid) / 2}
    return ensemble_prediction_row(uuid.uuid4(), CombinedPrediction(spec, said))


def answers(one: EnsemblePrediction) -> tuple[words.Answer, ...]:
    return words.of_given(given(one), policy=ReadingPolicy()).answers


def test_a_specificity_among_abnormal_lungs_tells_nothing_of_100_x_rays() -> None:
    """A clinic knows how many of its X-rays are of COVID-19, not how many of those that look abnormal."""
    lung, covid = answers(row(SPEC))
    assert covid.frequency == ""
    assert covid.measured_on == WHERE
    # Healthy against abnormal lungs is what a clinic's share is about, wherever both were measured
    assert lung.frequency.startswith("Of 100 images ")
    measured_on_all = replace(SPEC, operating_point=SPECIFIED)
    assert answers(row(measured_on_all))[1].frequency.startswith("Of 100 images ")


def test_a_result_says_what_its_thresholds_were_worth_at_places_without_a_part_in_them() -> None:
    """Of the threshold that decides; thresholds of a clinic were measured there, and older results say nothing."""
    rates = {"here": (0.7, 0.8), "there": (1.0, 0.06)}
    places = {
        name: {
            "sensitivity": ESTIMATE | {"value": sensitivity},
            "specificity": ESTIMATE | {"value": specificity},
            "positive_zone": {"sensitivity": ESTIMATE | {"value": 0.4}, "specificity": ESTIMATE | {"value": 0.9}},
            "abnormal": 20,
            "normal": 20,
        }
        for name, (sensitivity, specificity) in rates.items()
    }
    assert SPEC.abnormality
    measured = replace(SPEC, abnormality=replace(SPEC.abnormality, new_places=places))
    kept = row(measured, covid=0.02)
    assert kept.abnormality
    point = kept.abnormality["operating_point"]
    lower = "sensitivity of 70 to 100\u00a0% and a specificity of 6 to 80\u00a0%"
    assert lower in elsewhere_sentence(point, Zone.NEGATIVE)
    assert lower in elsewhere_sentence(point, Zone.INDETERMINATE)
    positive = point | {"positive_zone": dict.fromkeys(("sensitivity", "specificity"), ESTIMATE)}
    assert "sensitivity of 40 to 40\u00a0%" in elsewhere_sentence(positive, Zone.POSITIVE)
    lung = answers(kept)[0]
    assert lung.elsewhere == elsewhere_sentence(point, Zone(kept.abnormality["zone"]))
    # By Bayes' theorem, with 30 abnormal images of 100: none there, 0.3 * 0.3 of 0.3 * 0.3 + 0.7 * 0.8 here
    kept.abnormality["zone"] = "negative"
    clear = answers(kept)[0]
    assert clear.frequency.startswith("Of 100 images below the lower threshold, 0.0 to 14 show an abnormal lung all")
    assert lung.frequency.startswith("Of 100 images at or above the lower threshold, 31 to 60 show")
    assert ", about " in answers(row(SPEC))[0].frequency
    assert lung.elsewhere in _machine_notes({"combination": {"abnormality": kept.abnormality}})
    assert answers(row(SPEC))[0].elsewhere == ""
    own = SiteThresholds(0.1, 0.2, FITTED, {"acceptance": "a", "abnormal": 1, "normal": 1, "closed_at": "2026-11-28"})
    assert elsewhere_sentence(own.in_place_of(point), Zone.NEGATIVE) == ""


def test_a_result_keeps_the_places_that_measured_its_point_and_none_where_all_did() -> None:
    assert row(SPEC).operating_point["domains"] == ("ieee8023",)
    assert "domains" not in row(replace(SPEC, operating_point=SPECIFIED)).operating_point


def test_the_auc_beside_two_rates_is_of_the_images_that_measured_them() -> None:
    assert row(SPEC).card == {"label": "covid", "auc": OWN_AUC, "measured_on": WHERE}
    assert row(replace(SPEC, operating_point=SPECIFIED)).card == {"label": "covid", "auc": AUC, "measured_on": ALL}


def test_a_report_names_what_measured_each_row_of_its_table() -> None:
    predictions = [{"card": {"measured_on": ALL}}, {"card": {"measured_on": ALL}}, {}]
    sentence = "AUC, sensitivity and specificity were measured on %s."
    of_all = {"predictions": predictions, "combination": {"card": {"measured_on": ALL}}}
    assert _machine_notes(of_all) == _machine_notes({"predictions": predictions}) == (sentence % ALL,)
    noted = {"predictions": predictions, "notes": ["Of this series one slice in every 5 mm was classified."]}
    assert _machine_notes(noted) == (*noted["notes"], sentence % ALL)
    differing = {"predictions": predictions, "combination": {"card": {"measured_on": WHERE}}}
    assert _machine_notes(differing) == (sentence % ALL, sentence % WHERE)


@pytest.mark.parametrize(
    ("point", "upper"),
    [
        (BOTH_ZONES, 0.6),
        (NEVER, None),
        (SAME, None),
        ({"threshold": 0.3}, None),
        ({"threshold": 0.3, "abnormal_from": 0.6}, 0.6),
        ({"threshold": 0.3, "abnormal_from": 1.0}, None),
    ],
)
def test_a_second_threshold_of_one_is_none(point: dict[str, Any], upper: float | None) -> None:
    assert upper_threshold(point) == upper


def test_where_no_probability_is_positive_each_answer_says_so() -> None:
    assert SPEC.abnormality is not None
    never = replace(
        SPEC,
        operating_point=replace(SPEC.operating_point, positive_from=1.0),
        abnormality=replace(SPEC.abnormality, abnormal_from=1.0),
    )
    for answer in answers(row(never, covid=0.98)):
        assert (answer.tone, answer.upper) == ("indeterminate", None)
        assert "at or above the threshold" in answer.sentence
        assert answer.means.startswith("There is no second threshold: no probability is high enough")
        assert "two thresholds" not in f"{answer.sentence} {answer.means} {answer.frequency}"
    lung, covid = answers(row(never, covid=0.0))
    assert "below the threshold" in covid.sentence
    assert covid.means == "This does not rule out a disease."
    assert lung.frequency


def test_two_thresholds_that_are_the_same_are_one() -> None:
    same = replace(SPEC, operating_point=replace(SPEC.operating_point, positive_from=0.3))
    covid = answers(row(same, covid=0.5))[1]
    assert (covid.tone, covid.upper) == ("positive", None)
    assert "at or above the threshold" in covid.sentence
    assert verdict.of_zone("positive", SAME).sentence == "COVID-19 pattern: at or above the threshold"


def test_a_verdict_without_a_second_threshold_settles_nothing() -> None:
    said = verdict.of_zone("indeterminate", NEVER)
    assert (said.tone, said.word) == ("indeterminate", "above")
    assert said.sentence == "COVID-19 pattern: at or above the threshold"
    assert said.explained.endswith("There is no second one, so the classifiers do not settle it; a reader has to.")
    assert verdict.of_zone("negative", NEVER).sentence == "COVID-19 pattern: below the threshold"


def test_a_report_prints_the_only_threshold() -> None:
    assert _standing({"zone": "indeterminate"}, NEVER) == "above (30.0\u00a0%)"
    assert _standing({"zone": "indeterminate"}, BOTH_ZONES) == "between (30.0\u00a0% / 60.0\u00a0%)"


def test_a_trend_draws_no_half_dot_where_nothing_lies_between() -> None:
    def mark(tone: str, upper: float | None) -> str:
        answer: Any = SimpleNamespace(tone=tone, upper=upper)
        return Point(None, answer, 0, 0).mark  # type: ignore[arg-type]

    assert mark("indeterminate", 0.6) == "between"
    assert mark("indeterminate", None) == "above"
    assert (mark("neutral", 0.6), mark("positive", None)) == ("below", "above")


def test_the_archive_and_fhir_are_told_of_no_zone_that_is_not_there() -> None:
    parameters = result._thresholds(NEVER)
    assert "no upper threshold for covid: no probability counts as positive" in parameters
    assert not any(each.startswith("upper threshold") for each in parameters)
    assert "upper threshold 0.6 for covid" in result._thresholds(BOTH_ZONES)
    names = result._zone_names(NEVER)
    assert set(names) == {Zone.NEGATIVE, Zone.INDETERMINATE}
    assert all(len(name) <= 64 for name in names.values()), "a code meaning is no longer"
    assert result._zone_names(BOTH_ZONES) is result.ZONES
    ranges = _ranges(NEVER, "positive_from", "panel-cxr/2.0.0")
    assert [one["text"].split(",")[0] for one in ranges] == ["negative", "indeterminate"]
    assert "high" not in ranges[1]
    assert len(_ranges(BOTH_ZONES, "positive_from", "panel-cxr/2.0.0")) == 3


def test_the_paper_of_an_acceptance_names_no_threshold_that_nothing_reaches() -> None:
    assert _upper({"threshold": 0.3, "abnormal_from": 1.0}) == "none: no answer is “abnormal”"
    assert _upper({"threshold": 0.3, "abnormal_from": 0.6}).startswith("60")
