"""What an acceptance is about, and which modalities a clinic shows no answers for yet, because it asked to measure what
is installed first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from diagnosis.models import Acceptance, ReadingPolicy
from diagnosis.models.modality import Modality
from diagnosis.rules import installation
from ml.ensemble import EnsembleSpec

# What of an operating point decides on the answer.
DECIDES = ("threshold", "abnormal_from", "slope", "intercept")
# The rule by which thresholds are fitted to a site, as a sealed acceptance says it (see
# diagnosis.oversight.acceptance_figures.fit). Those from before say nothing: their thresholds met the aims on the very
# cases that they were fitted on, which promises nothing of later ones.
CONFORMAL = "conformal"


@dataclass(frozen=True)
class Measured:
    """What an acceptance is about. `classifiers`: identity and hash of the weights of each member, sorted; `point`: the
    values of DECIDES.
    """

    name: str
    version: str
    classifiers: tuple[str, ...]
    point: tuple[float, ...]

    @classmethod
    def of(cls, spec: EnsembleSpec, weights: Mapping[str, str]) -> Self:
        """`weights`: by identity, their hash. Raises ValueError where the ensemble is not asked the question."""
        if spec.abnormality is None:
            raise ValueError(f"{spec.identity} does not answer whether a lung is abnormal.")
        members = tuple(sorted(f"{member} {weights.get(member, '')}" for member in spec.members))
        return cls(spec.name, spec.version, members, deciding(spec.abnormality.to_fields()))

    @classmethod
    def sealed(cls, content: Mapping[str, Any]) -> Self:
        """What the content of an acceptance says."""
        name, _, version = content["ensemble"].partition("/")
        return cls(name, version, tuple(content["classifiers"]), deciding(content["operating_point"]))


def unaccepted(clinic: UUID | None) -> frozenset[Modality]:
    """Those whose classifiers are on trial in the clinic at the mildest. Empty where the clinic did not ask for it, or
    None is given. One query, and a second one where it did ask.

    Read from the database each time, so that a version that is installed later waits by itself. A modality whose
    ensemble is not asked whether the lung is abnormal cannot be accepted, and waits for as long as the clinic asks.
    """
    if clinic is None or not ReadingPolicy.objects.filter(clinic=clinic, requires_acceptance=True).exists():
        return frozenset()
    accepted = set(_accepted(clinic))
    here = installed()
    return frozenset(one for one in Modality if one not in here or here[one] not in accepted)


def installed() -> Mapping[Modality, Measured]:
    """What lies here that can be accepted, by modality. Loads no weights."""
    found = [one for one in installation.ensembles() if one.abnormality]
    if not found:
        return {}
    weights = {one.identity: one.weights_sha256 for one in installation.specs()}
    return {Modality(one.modality.value): Measured.of(one, weights) for one in found}


def deciding(point: Mapping[str, Any]) -> tuple[float, ...]:
    """What decides the answers: of one version there is one set of it, however much else of a point is kept."""
    return tuple(float(point[name]) for name in DECIDES)


def _accepted(clinic: UUID) -> Iterator[Measured]:
    closed = Acceptance.objects.filter(acceptance_set__clinic=clinic).order_by()
    told = ("acceptance_set__ensemble", "acceptance_set__version", "content__classifiers", "content__operating_point")
    for name, version, classifiers, point in closed.values_list(*told):
        yield Measured(name, version, tuple(classifiers), deciding(point))
