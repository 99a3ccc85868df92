"""What classifiers answer for a study, question by question, in words that name the question.

The first question is whether the lung is abnormal; the second whether it shows the COVID-19 pattern. No answer is ever
"negative" alone: what was looked for stands in every sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext, gettext_noop

from diagnosis import formats
from diagnosis.models import EnsemblePrediction, Prediction, ReadingPolicy
from diagnosis.models.zone import Zone, has_zones, upper_threshold
from diagnosis.results import card_words
from diagnosis.results.labels import OTHERS, label_name
from diagnosis.results.odds import frequency, tells_zones
from ml.spec import NO_FINDING

_Pair = tuple[str, str]
TONES = {Zone.NEGATIVE: "neutral", Zone.INDETERMINATE: "indeterminate", Zone.POSITIVE: "positive"}
_SIDES = {
    Zone.NEGATIVE: gettext_noop("below the lower threshold"),
    Zone.INDETERMINATE: gettext_noop("between the two thresholds"),
    Zone.POSITIVE: gettext_noop("at or above the upper threshold"),
}
_ONE_SIDE = {
    Zone.NEGATIVE: gettext_noop("below the threshold"),
    Zone.POSITIVE: gettext_noop("at or above the threshold"),
}
# Of a point without a second threshold; see `upper_threshold`.
_WITHOUT_UPPER = {**_ONE_SIDE, Zone.INDETERMINATE: _ONE_SIDE[Zone.POSITIVE]}
# The first question, as a name.
ABNORMAL_LUNG = gettext_noop("Abnormal lung")
_LUNG = {
    Zone.NEGATIVE: gettext_noop("no abnormal lung pattern found"),
    Zone.INDETERMINATE: gettext_noop("unclear whether the lung is abnormal"),
    Zone.POSITIVE: gettext_noop("lung looks abnormal"),
}
_MEANS = {
    Zone.NEGATIVE: gettext_noop("This does not rule out a disease."),
    Zone.INDETERMINATE: gettext_noop("The classifiers do not settle it; a reader has to."),
    Zone.POSITIVE: gettext_noop("This does not confirm a disease."),
}
_NEVER_POSITIVE = gettext_noop(
    "There is no second threshold: no probability is high enough for these classifiers to settle it; a reader has to."
)
# At or above the lower threshold, and below it.
_ABNORMAL = (
    gettext_noop("Of 100 images %(side)s, about %(count)s (%(range)s) show an abnormal lung."),
    gettext_noop("Of 100 images %(side)s, about %(count)s (%(range)s) show an abnormal lung all the same."),
)
_ABNORMAL_ELSEWHERE = (
    gettext_noop("Of 100 images %(side)s, %(range)s show an abnormal lung, depending on the hospital."),
    gettext_noop("Of 100 images %(side)s, %(range)s show an abnormal lung all the same, depending on the hospital."),
)
_COVID = (
    gettext_noop("Of 100 images %(side)s, about %(count)s (%(range)s) come from people with COVID-19."),
    gettext_noop("Of 100 images %(side)s, about %(count)s (%(range)s) come from people with COVID-19 all the same."),
)


@dataclass(frozen=True)
class Given:
    """What a result said, as rows keep it and reports freeze it. Probabilities are 0 to 1.

    `abnormality`: {probability, zone, operating_point}; None where it was not asked. `zone` is empty where the
    operating point has one threshold.
    """

    label: str
    probabilities: Mapping[str, float]
    probability: float
    reached: bool
    zone: str
    point: Mapping[str, Any]
    abnormality: Mapping[str, Any] | None

    @property
    def is_research_only(self) -> bool:
        """As its operating point says. Older results do not: their classifiers of CT, which alone tell "non-covid"."""
        return bool(self.point.get("research_only", "non-covid" in self.probabilities))

    @property
    def stance(self) -> Zone:
        if self.zone:
            return Zone(self.zone)
        return Zone.POSITIVE if self.reached else Zone.NEGATIVE

    @property
    def is_of_several_classes(self) -> bool:
        """Whether the likeliest class says more than the side of the threshold: there are more than two."""
        return len(self.probabilities) > 2

    @property
    def names_another(self) -> bool:
        """Whether the likeliest answer is a finding that the operating point does not look out for."""
        return self.label not in (self.point["positive_label"], *NO_FINDING)


@dataclass(frozen=True)
class Answer:
    """The answer to one question. `words` in a few, `sentence` with side and probability, and what it is worth.

    `threshold` and `upper` are the ticks of the bar; `frequency` speaks of 100 images in the same zone. Sensitivity and
    specificity are those of the upper threshold where `at_upper`, else of the lower one. `sources` has a row for each
    place where the lower one was measured: name, sensitivity, specificity, and on how many images with and without the
    finding. `site` says where the thresholds are from if they are the clinic's own; empty: they came with the version.
    `elsewhere` says what the deciding one was worth at places that had no part in it; empty: not measured.
    """

    name: str
    tone: str
    words: str
    sentence: str
    means: str
    probability: float
    threshold: float
    upper: float | None
    sensitivity: str
    specificity: str
    measured_on: str
    frequency: str
    at_upper: bool
    sources: tuple[tuple[str, str, str, int, int], ...] = ()
    site: str = ""
    elsewhere: str = ""


@dataclass(frozen=True)
class Likeliest:
    """The class with the highest probability, and the measured precision of just this answer, in a sentence.

    `probability` is empty where the first question was asked: that one is calibrated on its own, and a reader who sees
    "abnormal 78 %" beside "other pneumonia 86 %" can believe neither.
    """

    label: str
    probability: str
    worth: str

    @property
    def named(self) -> str:
        return f"{self.label}, {self.probability}" if self.probability else self.label


def given(row: Prediction | EnsemblePrediction) -> Given:
    return Given(
        label=row.label,
        probabilities=row.probabilities,
        probability=row.probability,
        reached=row.at_or_above_threshold,
        zone=row.zone if has_zones(row.operating_point) else "",
        point=row.operating_point,
        abnormality=row.abnormality if isinstance(row, EnsemblePrediction) else None,
    )


def given_frozen(one: Mapping[str, Any]) -> Given:
    """From a report's snapshot. Those from before zones call what reaches the threshold "positive"."""
    point = one["operating_point"]
    return Given(
        label=one["label"],
        probabilities=one["probabilities"],
        probability=one["probability"],
        reached=bool(one.get("at_or_above_threshold", one.get("positive"))),
        zone=one.get("zone", "") if has_zones(point) else "",
        point=point,
        abnormality=one.get("abnormality"),
    )


def lung(one: Given, policy: ReadingPolicy) -> Answer | None:
    """Is this lung abnormal? None where that was not asked."""
    if one.abnormality is None:
        return None
    stored, point = one.abnormality, one.abnormality["operating_point"]
    zone, probability = Zone(stored["zone"]), float(stored["probability"])
    side = gettext(_sides(point, zoned=True)[zone])
    said = {"words": gettext(_LUNG[zone]), "side": side, "probability": formats.percent(probability)}
    return Answer(
        name=gettext(ABNORMAL_LUNG),
        tone=TONES[zone],
        words=str(said["words"]),
        sentence=gettext("%(words)s: %(probability)s, %(side)s") % said,
        means=_means(point, zone),
        probability=probability,
        threshold=point["threshold"],
        upper=upper_threshold(point),
        frequency=_frequency_elsewhere(point, policy.abnormal_percent, zone)
        or _frequency(point, policy.abnormal_percent, zone=zone, zoned=True, templates=_ABNORMAL),
        sources=_sources(point, ("abnormal", "normal")),
        site=site_sentence(point),
        elsewhere=elsewhere_sentence(point, zone),
        **_measures(point, zone),
    )


def pattern(one: Given, policy: ReadingPolicy) -> Answer:
    """Does it show what the operating point looks out for?

    Where some places alone measured it, its specificity is that among abnormal lungs, and a clinic's share of all its
    X-rays says nothing of those: there is no frequency then. Nor is there one for another pattern: the share is that of
    COVID-19.
    """
    point, name = one.point, label_name(one.point["positive_label"])
    zoned = bool(one.zone)
    side = gettext(_sides(point, zoned=zoned)[one.stance])
    said = {"name": name, "side": side, "probability": formats.percent(one.probability)}
    return Answer(
        name=name,
        tone=TONES[one.stance],
        words=gettext("%(name)s: %(side)s") % said,
        sentence=gettext("%(name)s: %(side)s (%(probability)s)") % said,
        means=_means(point, one.stance),
        probability=one.probability,
        threshold=point["threshold"],
        upper=upper_threshold(point) if zoned else None,
        frequency=""
        if point.get("domains") or point["positive_label"] in OTHERS
        else _frequency(point, policy.covid_percent, zone=one.stance, zoned=zoned, templates=_COVID),
        sources=_sources(point, ("positive", "negative")),
        **_measures(point, one.stance),
    )


def site_sentence(point: Mapping[str, Any]) -> str:
    """Where the thresholds of a stored point are from, if they were fitted to the clinic; else empty."""
    site = point.get("site")
    if not site:
        return ""
    return gettext(
        "Thresholds of this clinic, from its acceptance set of %(day)s (%(abnormal)d abnormal and %(normal)d other "
        "cases)"
    ) % {
        "day": formats.day(datetime.fromisoformat(site["closed_at"])),
        "abnormal": site["abnormal"],
        "normal": site["normal"],
    }


def elsewhere_sentence(point: Mapping[str, Any], zone: Zone) -> str:
    """What the threshold that decides the zone was worth at places whose images taught and chose nothing of it.

    Empty where that was not measured, and of thresholds of a clinic, which were measured on its own images.
    """
    is_upper = zone is Zone.POSITIVE and tells_zones(point)
    places = [one["positive_zone"] if is_upper else one for one in point.get("new_places", {}).values()]
    if not places:
        return ""
    rates = {name: [float(one[name]["value"]) for one in places] for name in ("sensitivity", "specificity")}
    return gettext(
        "At %(count)s places none of whose images had been used, the threshold for an abnormal lung had a sensitivity "
        "of %(sensitivity)s and a specificity of %(specificity)s, depending on the place. Only thresholds measured on "
        "images of this clinic tell how it is here."
    ) % {
        "count": formats.decimal(len(places), 0),
        **{name: formats.share_interval((min(found), max(found)), 0) for name, found in rates.items()},
    }


def likeliest(one: Given) -> Likeliest:
    measured = one.point.get("answers", {}).get(one.label, {}).get("precision")
    worth = gettext("how often this answer is right was not measured for this result")
    if measured:
        worth = gettext("of the test images given this answer, %(precision)s had it") % {
            "precision": formats.estimate(measured)
        }
    probability = "" if one.abnormality else formats.percent(one.probabilities[one.label])
    return Likeliest(label_name(one.label), probability, worth)


def _sides(point: Mapping[str, Any], *, zoned: bool) -> Mapping[Zone, str]:
    if not zoned:
        return _ONE_SIDE
    return _SIDES if upper_threshold(point) is not None else _WITHOUT_UPPER


def _means(point: Mapping[str, Any], zone: Zone) -> str:
    if zone is Zone.INDETERMINATE and upper_threshold(point) is None:
        return gettext(_NEVER_POSITIVE)
    return gettext(_MEANS[zone])


def _measures(point: Mapping[str, Any], zone: Zone) -> dict[str, Any]:
    """Of the threshold that decides the zone. Empty where a row from long ago has none."""
    at_upper = zone is Zone.POSITIVE and tells_zones(point)
    measured = point["positive_zone"] if at_upper else point
    return {
        "sensitivity": formats.estimate(measured["sensitivity"]) if measured.get("sensitivity") else "",
        "specificity": formats.estimate(measured["specificity"]) if measured.get("specificity") else "",
        "measured_on": card_words.tell(str(point.get("measured_on", ""))),
        "at_upper": at_upper,
    }


def _sources(point: Mapping[str, Any], sides: tuple[str, str]) -> tuple[tuple[str, str, str, int, int], ...]:
    """`sides` names the counts of images with and without the finding. A source may have images of one side alone."""
    return tuple(
        (name, _rate(one["sensitivity"]), _rate(one["specificity"]), *(int(one[side]) for side in sides))
        for name, one in point.get("sources", {}).items()
    )


def _rate(measured: dict[str, Any] | None) -> str:
    return formats.brief_estimate(measured) if measured else formats.DASH


def _frequency(one: Mapping[str, Any], percent: float, *, zone: Zone, zoned: bool, templates: _Pair) -> str:
    """Empty where the operating point `one` was never measured."""
    if not (one.get("sensitivity") and one.get("specificity")):
        return ""
    found = frequency(one, prevalence=percent / 100, zone=zone)
    counted = gettext(templates[1 if zone is Zone.NEGATIVE else 0]) % {
        "side": _measured_side(one, zone, zoned=zoned),
        "count": _count(found.value),
        "range": _range(found.low, found.high),
    }
    return f"{counted} {_assumed(percent)}"


def _frequency_elsewhere(point: Mapping[str, Any], percent: float, zone: Zone) -> str:
    """How many it would be at each place that had no part in the thresholds, from the least to the most.

    A hospital is such a place: what the test part of the others says would promise too much. Empty where that was not
    measured.
    """
    upper = {} if tells_zones(point) else {"positive_zone": None}
    places = [{**one, **upper} for one in point.get("new_places", {}).values()]
    if not places:
        return ""
    found = [frequency(place, prevalence=percent / 100, zone=zone).value for place in places]
    counted = gettext(_ABNORMAL_ELSEWHERE[1 if zone is Zone.NEGATIVE else 0]) % {
        "side": _measured_side(point, zone, zoned=True),
        "range": _range(min(found), max(found)),
    }
    return f"{counted} {_assumed(percent)}"


def _assumed(percent: float) -> str:
    return gettext("This assumes that %(share)s of every 100 images in the clinic do.") % {
        "share": formats.decimal(percent, 0 if float(percent).is_integer() else 1)
    }


def _measured_side(point: Mapping[str, Any], zone: Zone, *, zoned: bool) -> str:
    """The zone where each was measured; else the side of the only threshold that was, of two the lower one."""
    sides = _sides(point, zoned=zoned)
    if sides is not _SIDES or zone is Zone.NEGATIVE or tells_zones(point):
        return gettext(sides[zone])
    return gettext("at or above the lower threshold")


def _count(value: float) -> str:
    return formats.decimal(value, 0 if value >= 0.95 else 1)


def _range(low: float, high: float) -> str:
    return gettext("%(low)s to %(high)s") % {"low": _count(low), "high": _count(high)}
