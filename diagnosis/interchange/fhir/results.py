"""What an ensemble or a classifier predicted as Observation: a probability from 0 to 1, never more than preliminary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from diagnosis.interchange.fhir.devices import maker
from diagnosis.interchange.fhir.elements import (
    INTERPRETATION,
    OBSERVATION_CATEGORY,
    OWN,
    UCUM,
    Link,
    Resource,
    concept,
    instant,
    stop_sentences,
    stopped_tag,
    without_empty,
)
from diagnosis.models import Analysis, EnsemblePrediction, Prediction
from diagnosis.models.zone import Zone, upper_threshold
from diagnosis.rules.classifiers import Stop

ZONES = {
    Zone.NEGATIVE: ("NEG", "Negative"),
    Zone.INDETERMINATE: ("IND", "Indeterminate"),
    Zone.POSITIVE: ("POS", "Positive"),
}
PRELIMINARY, ENTERED_IN_ERROR = "preliminary", "entered-in-error"
PROBABILITY = "probability-"
ABNORMAL = "abnormal-lung"
GONE = "An image on which this result rests was moved to another study or taken back: it says nothing of this one."


def observation(
    row: Prediction | EnsemblePrediction,
    analysis: Analysis,
    *,
    members: Sequence[Prediction] = (),
    link: Link,
    note: str,
    stops: Sequence[Stop] = (),
    stands: bool = True,
) -> Resource:
    """`members`: the predictions that an ensemble combines. `note`: what the result is, and what it is not; the
    notes of the analysis follow. `stops`: of the classifiers that gave it, those that were stopped since.
    `stands`: whether all images that the analysis saw are in its study still.
    """
    point = row.operating_point
    made = analysis.finished_at or row.created_at
    label, source = point["positive_label"], maker(row)
    gone = () if stands else (GONE,)
    return without_empty(
        {
            "resourceType": "Observation",
            "id": str(row.pk),
            "meta": stopped_tag(stops),
            "status": PRELIMINARY if stands else ENTERED_IN_ERROR,
            "category": [concept(OBSERVATION_CATEGORY, "imaging", "Imaging")],
            "code": _code(label, f"Probability of {label}, by {_who(row)}"),
            "subject": link("Patient", analysis.study.patient_id),
            "effectiveDateTime": instant(made),
            "issued": instant(made),
            "valueQuantity": _quantity(row.probability),
            "interpretation": [_interpretation(_zone(row))],
            "note": [{"text": text} for text in (*gone, *stop_sentences(stops), note, *analysis.notes)],
            "device": {**link("Device", source.key), "display": f"{source.name} {source.version}"},
            "referenceRange": _ranges(point, "positive_from", source.identity),
            "hasMember": [link("Observation", one.pk) for one in members],
            "derivedFrom": [link("ImagingStudy", analysis.study_id)],
            "component": _components(row, source.identity),
        }
    )


def identities(row: Prediction | EnsemblePrediction) -> list[str]:
    """Of the classifiers that gave it, as name/version."""
    return [row.identity] if isinstance(row, Prediction) else list(row.members)


def label_of(code: str) -> str:
    """The class whose probability an observation of this code tells; empty where the code is another one."""
    return code.removeprefix(PROBABILITY) if code.startswith(PROBABILITY) else ""


def thresholds_sha256(point: Mapping[str, Any]) -> str:
    """What tells these thresholds from any others, as hexadecimal digits."""
    return hashlib.sha256(json.dumps(point, sort_keys=True).encode()).hexdigest()


def _who(row: Prediction | EnsemblePrediction) -> str:
    return "a classifier" if isinstance(row, Prediction) else "an ensemble of classifiers"


def _zone(row: Prediction | EnsemblePrediction) -> Zone:
    return row.stance if isinstance(row, Prediction) else Zone(row.zone)


def _components(row: Prediction | EnsemblePrediction, identity: str) -> list[Resource]:
    """Whether the lung is abnormal, where the ensemble answers that."""
    asked = row.abnormality if isinstance(row, EnsemblePrediction) else None
    if not asked:
        return []
    return [
        {
            "code": _code(ABNORMAL, "Probability of an abnormal lung, whatever the cause"),
            "valueQuantity": _quantity(asked["probability"]),
            "interpretation": [_interpretation(Zone(asked["zone"]))],
            "referenceRange": _ranges(asked["operating_point"], "abnormal_from", identity),
        }
    ]


def _code(label: str, text: str) -> Resource:
    return {"coding": [{"system": OWN, "code": f"{PROBABILITY}{label}"}], "text": text}


def _quantity(probability: float) -> Resource:
    """Unrounded: the number that is stored."""
    return {"value": probability, "unit": "1", "system": UCUM, "code": "1"}


def _interpretation(zone: Zone) -> Resource:
    return concept(INTERPRETATION, *ZONES[zone])


def _ranges(point: Mapping[str, Any], upper: str, identity: str) -> list[Resource]:
    """The zones between the thresholds, which are those of this version of the classifier or ensemble, or those that
    were fitted to its answers in the clinic.
    """
    low, version = point["threshold"], thresholds_sha256(point)
    site = point.get("site")
    whose = f"{identity} fitted on acceptance set {site['acceptance']} of the clinic" if site else identity
    high, named = point.get(upper) or low, f"{whose}, SHA-256 {version}"
    if low < high and upper_threshold(point) is None:
        return [_range(Zone.NEGATIVE, named, high=low), _range(Zone.INDETERMINATE, named, low=low)]
    between = [_range(Zone.INDETERMINATE, named, low=low, high=high)] if high > low else []
    return [
        _range(Zone.NEGATIVE, named, high=low),
        *between,
        _range(Zone.POSITIVE, named, low=high),
    ]


def _range(zone: Zone, named: str, **bounds: float) -> Resource:
    return {
        **{name: _quantity(value) for name, value in bounds.items()},
        "text": f"{zone.value}, by the thresholds of {named}",
    }
