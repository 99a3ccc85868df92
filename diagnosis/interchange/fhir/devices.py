"""A classifier, or an ensemble of several, as Device: one for each version and each file of weights."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from diagnosis.interchange.fhir.elements import NAMESPACE, OWN, Resource, concept, instant, without_empty
from diagnosis.models import EnsemblePrediction, Prediction
from diagnosis.rules.classifiers import Stop

STATUS_REASON = "http://terminology.hl7.org/CodeSystem/device-status-reason"
STATUS = {True: "active", False: "inactive", None: ""}


@dataclass(frozen=True)
class Maker:
    """What made a result. An ensemble has no weights; `members` are those of the classifiers that it combines."""

    name: str
    version: str
    weights_sha256: str = ""
    members: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def key(self) -> uuid.UUID:
        """The same for the same weights, and for the same members."""
        return uuid.uuid5(NAMESPACE, " ".join((self.identity, self.weights_sha256, *self.members)).strip())


def maker(row: Prediction | EnsemblePrediction) -> Maker:
    if isinstance(row, Prediction):
        return Maker(row.classifier, row.version, row.weights_sha256)
    return Maker(row.ensemble, row.version, members=tuple(row.members))


def device(one: Maker, *, active: bool | None = None, note: str, stops: Sequence[Stop] = ()) -> Resource:
    """`active`: whether it answers here today; None: not said. `note`: what its results are, and what they are not.
    `stops`: that it was stopped, or one of its members, and why.
    """
    what = "Ensemble of classifiers" if one.members else "Classifier"
    return without_empty(
        {
            "resourceType": "Device",
            "id": str(one.key),
            "identifier": [{"system": OWN, "value": one.identity}],
            "status": STATUS[False if stops else active],
            "statusReason": [_reason(stop) for stop in stops],
            "deviceName": [{"name": one.name, "type": "model-name"}],
            "type": {"text": f"{what} of chest images"},
            "version": [_version(*pair) for pair in _versions(one)],
            "note": [{"text": note}],
        }
    )


def _reason(stop: Stop) -> Resource:
    told = f"{stop.name} was stopped on {instant(stop.at)}: “{stop.because}”"
    return concept(STATUS_REASON, "off", "Off") | {"text": told}


def _versions(one: Maker) -> list[tuple[str, str]]:
    weights = [("SHA-256 of the weights", one.weights_sha256)] if one.weights_sha256 else []
    return [("software, with its thresholds", one.version), *weights, *(("member", name) for name in one.members)]


def _version(kind: str, value: str) -> Resource:
    return {"type": {"text": kind}, "value": value}
