"""A study's result as DICOM SR by TID 1500: each classifier with version, weights, thresholds, probabilities and zone.

Template: PS3.16 TID 1500 Measurement Report, with a TID 1501 group for each classifier and for their combination. The
comments below the root say that it is no diagnosis, what the portal's pages lead with, and what to know of the result,
such as how many slices of a series were asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import override

from delivery.dicom.objects import NOT_A_DIAGNOSIS, PRODUCT, SCHEME, Built, finish, language_item
from delivery.dicom.subject import Subject
from delivery.dicom.uids import made_of
from diagnosis.interchange.fhir.results import thresholds_sha256
from diagnosis.models import Analysis, EnsemblePrediction, Prediction, ReadingPolicy
from diagnosis.models.modality import Modality
from diagnosis.models.zone import Zone, has_zones, upper_threshold
from diagnosis.results import intended_use, words
from diagnosis.results.labels import label_name

if TYPE_CHECKING:
    from pydicom import Dataset

ZONES = {
    Zone.NEGATIVE: "below the lower threshold",
    Zone.INDETERMINATE: "between the two thresholds",
    Zone.POSITIVE: "at or above the upper threshold",
}
# Code meanings have at most 64 characters
NO_UPPER = {
    Zone.NEGATIVE: "below the threshold",
    Zone.INDETERMINATE: "at or above the only threshold, which does not settle it",
}
SIDES = {Zone.NEGATIVE: "below the threshold", Zone.POSITIVE: "at or above the threshold"}
PROCEDURES = {
    Modality.CXR: ("399208008", "SCT", "Plain chest X-ray"),
    Modality.CT: ("169069000", "SCT", "CT of chest"),
}


@dataclass(frozen=True)
class Group:
    """What one classifier, or their combination, says; probabilities are 0 to 1."""

    key: str
    name: str
    version: str
    parameters: list[str]
    probabilities: Mapping[str, float]
    zone: Zone
    point: Mapping[str, Any]


def groups_of(analysis: Analysis) -> list[Group]:
    """The combination first, where there is one."""
    each = [_of_prediction(one) for one in sorted(analysis.predictions.all(), key=lambda one: one.classifier)]
    combined = analysis.ensemble
    return [*(_of_ensemble(combined) if combined else ()), *each]


def _of_prediction(one: Prediction) -> Group:
    parameters = [f"weights SHA-256 {one.weights_sha256}", f"preprocessing {one.preprocessing}"]
    parameters += _thresholds(one.operating_point)
    return Group(
        str(one.pk), one.classifier, one.version, parameters, one.probabilities, one.stance, one.operating_point
    )


def _of_ensemble(one: EnsemblePrediction) -> list[Group]:
    members = [f"combines {member}" for member in one.members]
    parameters = [*members, *_thresholds(one.operating_point)]
    found = [
        Group(
            str(one.pk), one.ensemble, one.version, parameters, one.probabilities, Zone(one.zone), one.operating_point
        )
    ]
    if asked := one.abnormality:
        point = asked["operating_point"] | {"positive_label": "abnormal"}
        point["positive_from"] = point["abnormal_from"]
        chances = {"abnormal": asked["probability"]}
        parameters = [*members, *_thresholds(point)]
        name = f"{one.ensemble} (abnormal lung)"
        found.insert(0, Group(f"{one.pk} lung", name, one.version, parameters, chances, Zone(asked["zone"]), point))
    return found


def _thresholds(point: Mapping[str, Any]) -> list[str]:
    """Both, what they were chosen for, and what tells this table of thresholds from any other."""
    version = thresholds_sha256(point)
    said = [f"threshold {point['threshold']!r} for {point['positive_label']}"]
    upper = upper_threshold(point)
    if upper is not None:
        said.append(f"upper threshold {upper!r} for {point['positive_label']}")
    elif has_zones(point):
        said.append(f"no upper threshold for {point['positive_label']}: no probability counts as positive")
    if site := point.get("site"):
        said.append(f"thresholds of the clinic, acceptance set {site['acceptance']}, SHA-256 {site['sha256']}")
    return [*said, f"chosen for {point['chosen_for']}", f"thresholds SHA-256 {version}"]


def frozen_words(analysis: Analysis, policy: ReadingPolicy) -> list[str]:
    """What is said beside the numbers, in the language in which everything signed is kept."""
    with override(settings.LANGUAGE_CODE):
        said = words.computer(analysis, policy=policy)
        cautions = [said.caution] if said.caution else []
        return [NOT_A_DIAGNOSIS, intended_use.sentence(), said.sentence, *cautions, *analysis.notes]


def build(subject: Subject, analysis: Analysis, *, evidence: Dataset, said: list[str], at: datetime) -> Built:
    """The SR document; `evidence` is the image that it refers to, the original where there is one."""
    from highdicom.sr import ComprehensiveSR  # noqa: PLC0415  not in a web process

    made = ComprehensiveSR(
        evidence=[evidence],
        content=_content(analysis, evidence, said)[0],
        series_instance_uid=made_of(analysis.pk, "SR series"),
        series_number=9001,
        sop_instance_uid=made_of(analysis.pk, "SR"),
        instance_number=1,
        manufacturer=PRODUCT,
        is_complete=True,
        is_final=False,
        is_verified=False,
        institution_name=None,
    )
    made.PreliminaryFlag = "PRELIMINARY"
    made.SeriesDescription = "AI result, not a diagnosis"
    subject.fill(made)
    return finish(made, at)


def _content(analysis: Analysis, evidence: Dataset, said: list[str]) -> Any:
    from highdicom import sr  # noqa: PLC0415  not in a web process
    from pydicom.sr.coding import Code  # noqa: PLC0415

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=made_of("device", settings.VERSION), name=PRODUCT, manufacturer_name=PRODUCT, model_name=PRODUCT
    )
    kind = sr.CodedConcept("121007", "DCM", "Device")
    observer = sr.ObserverContext(observer_type=kind, observer_identifying_attributes=device)
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=Code(*PROCEDURES[Modality(analysis.study.modality)]),
        imaging_measurements=[_group(one, evidence) for one in groups_of(analysis)],
        language_of_content_item_and_descendants=language_item(settings.LANGUAGE_CODE),
    )
    comment = sr.CodedConcept("121106", "DCM", "Comment")
    report[0].ContentSequence.extend(
        sr.TextContentItem(comment, text, relationship_type=sr.RelationshipTypeValues.CONTAINS) for text in said
    )
    return report


def _zone_names(point: Mapping[str, Any]) -> Mapping[Zone, str]:
    if not has_zones(point):
        return SIDES
    return NO_UPPER if upper_threshold(point) is None else ZONES


def _group(one: Group, evidence: Dataset) -> Any:
    from highdicom import sr  # noqa: PLC0415  not in a web process

    names = _zone_names(one.point)
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=made_of(one.key, "tracking"), identifier=f"{one.name}/{one.version}"
        ),
        algorithm_id=sr.AlgorithmIdentification(one.name, one.version, parameters=one.parameters),
        measurements=[_probability(label, value) for label, value in one.probabilities.items()],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(
                sr.CodedConcept("zone", SCHEME, "Zone of the probability"),
                sr.CodedConcept(one.zone.value, SCHEME, names[one.zone]),
            )
        ],
        source_images=[sr.SourceImageForMeasurementGroup(evidence.SOPClassUID, evidence.SOPInstanceUID)],
    )


def _probability(label: str, value: float) -> Any:
    from highdicom import sr  # noqa: PLC0415  not in a web process

    with override(settings.LANGUAGE_CODE):
        meaning = f"Probability of {label_name(label)}"[:64]
    return sr.Measurement(
        name=sr.CodedConcept(f"p-{label}", SCHEME, meaning),
        value=float(value),
        unit=sr.CodedConcept("1", "UCUM", "no units"),
    )
