"""Classifiers of one modality combined: their predictions as one, with an operating point of its own.

An ensemble is measured with exactly its members, each of one version; without one of them it says nothing. Other
classifiers of the modality do not count.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from ml.abnormality import AbnormalityPoint
from ml.probability import pool
from ml.spec import NAME, VERSION, Modality, OperatingPoint, SpecInvalid, reading, version_order

ENSEMBLE = "panel.json"
_MAPPINGS = ("metrics", "sources", "answers")


@dataclass(frozen=True)
class EnsembleSpec:
    """Which classifiers an ensemble combines, how, and how it performs.

    `name` is panel-<modality>; `members` are identities such as vgg16-cxr/1.0.0; `temperature` divides the mean of the
    members' log-probabilities before the softmax; `weights` say what each of them counts in that mean, in their order
    and summing to 1, and are empty where all count alike; `metrics` holds the held-out numbers. `sources` gives
    sensitivity and specificity of the operating point by source of the images, with the counts `positive` and
    `negative`, `answers` precision and recall of each label where it is the likeliest. `abnormality` answers whether
    the lung is abnormal; None for an ensemble that was not asked. `research_only` where nothing carried over to whole
    examinations. Raises SpecInvalid when it contradicts itself.
    """

    name: str
    version: str
    modality: Modality
    labels: tuple[str, ...]
    members: tuple[str, ...]
    temperature: float
    operating_point: OperatingPoint
    metrics: Mapping[str, Any] = field(default_factory=dict, hash=False)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    abnormality: AbnormalityPoint | None = None
    research_only: bool = False
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in _MAPPINGS:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for holds, sentence in self._promises():
            if not holds:
                raise SpecInvalid(sentence)

    def _promises(self) -> tuple[tuple[bool, str], ...]:
        return (
            (
                self.name == ensemble_name(self.modality),
                f"{self.name!r} is no name of a {self.modality.value} ensemble.",
            ),
            (bool(VERSION.fullmatch(self.version)), f"{self.version!r} is no version such as 1.0.0."),
            (len(set(self.labels)) == len(self.labels) >= 2, "Labels must differ, and be two or more."),
            (self.operating_point.positive_label in self.labels, "The positive label is not among the labels."),
            (len(set(self.members)) == len(self.members) >= 2, "Members must differ, and be two or more."),
            (all(map(_is_identity, self.members)), "Members are named like vgg16-cxr/1.0.0."),
            (self.temperature > 0 and math.isfinite(self.temperature), "The temperature must be above 0."),
            (
                not self.weights or _are_shares(self.weights, len(self.members)),
                "Weights are one for each member, none below 0, and sum to 1.",
            ),
            (
                self.abnormality is None or set(self.abnormality.labels) < set(self.labels),
                "An abnormal lung has some of the labels, and a clear one another.",
            ),
        )

    @property
    def identity(self) -> str:
        """Name and version in one word, such as panel-cxr/1.0.0."""
        return f"{self.name}/{self.version}"

    def combine(self, answers: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """The ensemble's probability of each label, summing to 1, from each member's probabilities by its identity.

        Raises ValueError when a member is missing, of another version or too much, or answers for other labels.
        """
        if set(answers) != set(self.members):
            raise ValueError(self._difference(set(answers)))
        for member, probabilities in answers.items():
            if set(probabilities) != set(self.labels):
                raise ValueError(f"{member} answers for other labels than {', '.join(self.labels)}.")
        said = [[answers[member][label] for label in self.labels] for member in self.members]
        return dict(zip(self.labels, pool(said, self.temperature, self.weights).tolist(), strict=True))

    def _difference(self, answered: set[str]) -> str:
        missing, other = sorted(set(self.members) - answered), sorted(answered - set(self.members))
        found = [f"without {', '.join(missing)}"] * bool(missing) + [f"with {', '.join(other)}"] * bool(other)
        return f"{self.identity} was not measured {' and '.join(found)}."

    def to_json(self) -> str:
        """The spec as JSON text, readable and stable in its order."""
        points = {"operating_point": self.operating_point.to_fields()}
        if self.abnormality:
            points["abnormality"] = self.abnormality.to_fields()
        fields = {**vars(self), **points, **{name: dict(getattr(self, name)) for name in _MAPPINGS}}
        return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read an ensemble. Raises SpecInvalid for anything but a whole and valid one."""
        with reading("ensemble"):
            fields = json.loads(text)
            return cls(**fields | _typed(fields))


def ensemble_name(modality: Modality) -> str:
    """The name of the ensemble of a modality."""
    return f"panel-{modality.value}"


def ensembles(root: Path) -> tuple[EnsembleSpec, ...]:
    """The newest version of the ensemble of every modality under `root`, by name.

    `root` holds panel-<modality>/<version>/panel.json. Raises SpecInvalid when one cannot be used.
    """
    found = sorted((_read(path) for path in root.glob(f"*/*/{ENSEMBLE}")), key=_version)
    newest = {ensemble.name: ensemble for ensemble in found}
    return tuple(newest[name] for name in sorted(newest))


def versions_before(root: Path, ensemble: EnsembleSpec) -> tuple[EnsembleSpec, ...]:
    """An ensemble and those of its name under `root` that came before it, the newest first. Raises as `ensembles`."""
    found = sorted((_read(path) for path in root.glob(f"{ensemble.name}/*/{ENSEMBLE}")), key=_version, reverse=True)
    return tuple(each for each in found if _version(each) <= _version(ensemble))


def _read(path: Path) -> EnsembleSpec:
    try:
        ensemble = EnsembleSpec.from_json(path.read_text(encoding="utf-8"))
    except (OSError, SpecInvalid, UnicodeDecodeError) as error:
        raise SpecInvalid(f"{path} cannot be used: {error} Restore it from the release.") from error
    if path.parent.parts[-2:] != (ensemble.name, ensemble.version):
        raise SpecInvalid(f"{path.parent} holds {ensemble.identity}. Move it into the folder of that name.")
    return ensemble


def _version(ensemble: EnsembleSpec) -> tuple[int, ...]:
    return version_order(ensemble.version)


def _are_shares(weights: tuple[float, ...], count: int) -> bool:
    return len(weights) == count and all(each >= 0 for each in weights) and math.isclose(sum(weights), 1, abs_tol=1e-3)


def _is_identity(member: str) -> bool:
    name, _, version = member.partition("/")
    return bool(NAME.fullmatch(name) and VERSION.fullmatch(version))


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    """What JSON has no type for. Older ensembles have no `abnormality` and no `weights`."""
    abnormality = fields.get("abnormality")
    return {
        "modality": Modality(fields["modality"]),
        "operating_point": OperatingPoint.from_fields(fields["operating_point"]),
        "abnormality": AbnormalityPoint.from_fields(abnormality) if abnormality else None,
        **{name: tuple(fields.get(name, ())) for name in ("labels", "members", "weights")},
    }
