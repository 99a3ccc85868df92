"""What a clinic's rules say of each classifier: read from the database each time, for a worker must hear at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from diagnosis.errors import AnalysisFailed
from diagnosis.models import ClassifierRule
from diagnosis.models.classifier_rule import ClassifierState, RuleReason
from diagnosis.models.scan import Modality

STOPPED, OFF = "classifiers_stopped", "classifiers_off"


def panel_name(modality: str) -> str:
    """The subject of a rule about every classifier of a modality."""
    return f"panel-{modality}"


@dataclass(frozen=True)
class Rules:
    """The rules that hold in one clinic, or of the installation alone, by subject."""

    by_subject: Mapping[str, tuple[ClassifierRule, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, clinic: UUID | None) -> Rules:
        """One query."""
        found: dict[str, tuple[ClassifierRule, ...]] = {}
        for rule in ClassifierRule.objects.concerning(clinic).standing():
            found[rule.subject] = (*found.get(rule.subject, ()), rule)
        return cls(found)

    def strictest(self, *subjects: str) -> ClassifierRule | None:
        """Of those about the subjects, be they the clinic's or the installation's; None where there is none."""
        rules = [rule for subject in subjects for rule in self.by_subject.get(subject, ())]
        return max(rules, key=_strictness, default=None)

    def of_classifier(self, name: str, modality: str, *, otherwise: ClassifierState) -> ClassifierState:
        """How it stands; `otherwise` where nobody decided about it by name."""
        of_panel = self.strictest(panel_name(modality))
        named = self.strictest(name)
        states = [ClassifierState(named.state) if named else otherwise]
        states += [ClassifierState(of_panel.state)] if of_panel else []
        return max(states, key=lambda state: state.strictness)


def _strictness(rule: ClassifierRule) -> tuple[int, int]:
    return ClassifierState(rule.state).strictness, rule.pk


def none_answers(rules: Rules, modality: Modality, names: Iterable[str]) -> AnalysisFailed | None:
    """Why nobody answers in the clinic although classifiers are installed, where its rules are the reason."""
    of_panel = rules.strictest(panel_name(modality))
    named = [rule for name in names if (rule := rules.strictest(name))]
    rule = max([*named, *([of_panel] if of_panel else [])], key=_strictness, default=None)
    if rule is None or rule.state == ClassifierState.ACTIVE:
        return None
    return _stopped(rule, modality) if rule.state == ClassifierState.STOPPED else _off(rule, modality)


def require_still_answering(clinic: UUID, modality: Modality, names: Iterable[str]) -> None:
    """Raise AnalysisFailed where one of the classifiers `names`, which were asked, may not be shown any more."""
    rules = Rules.of(clinic)
    for name in names:
        rule = rules.strictest(name, panel_name(modality))
        if rule and rule.state == ClassifierState.STOPPED:
            raise _stopped(rule, modality)
        if rule and rule.state != ClassifierState.ACTIVE:
            raise _off(rule, modality)


def _stopped(rule: ClassifierRule, modality: Modality) -> AnalysisFailed:
    variant = modality.value if rule.subject == panel_name(modality) else "one"
    params = {"variant": variant, "name": rule.subject, "reason": rule.because}
    return AnalysisFailed(STOPPED, params, retryable=True)


def _off(rule: ClassifierRule, modality: Modality) -> AnalysisFailed:
    research = rule.reason_code == RuleReason.RESEARCH_ONLY and rule.subject == panel_name(modality)
    variant = f"research_{modality.value}" if research else modality.value
    return AnalysisFailed(OFF, {"variant": variant}, retryable=True)


@dataclass(frozen=True)
class Stop:
    """That a classifier which answered was stopped since."""

    classifier: str
    version: str
    at: datetime
    because: str


def stops(clinic: UUID, modality: str, identities: Iterable[str]) -> list[Stop]:
    """Of the classifiers with these identities (name/version): those that stand stopped, in the order given.

    A version that was stopped and not taken up again stays marked after a later version took its place.
    """
    wanted = list(identities)
    if not wanted:
        return []
    subjects = {panel_name(modality), *(one.partition("/")[0] for one in wanted)}
    latest = _latest_of_versions(clinic, subjects)
    found = ((one, _stop_of(one, modality, latest)) for one in wanted)
    return [Stop(*_parts(one), rule.made_at, rule.because) for one, rule in found if rule]


def _parts(identity: str) -> tuple[str, str]:
    name, _, version = identity.partition("/")
    return name, version


def _latest_of_versions(clinic: UUID, subjects: set[str]) -> dict[tuple[str, str], list[ClassifierRule]]:
    """By subject and version: the latest rule of the clinic and the latest of the installation."""
    latest: dict[tuple[UUID | None, str, str], ClassifierRule] = {}
    for rule in ClassifierRule.objects.concerning(clinic).filter(subject__in=subjects).order_by("pk"):
        latest[rule.clinic_id, rule.subject, rule.version] = rule
    found: dict[tuple[str, str], list[ClassifierRule]] = {}
    for (_clinic, subject, version), rule in latest.items():
        found.setdefault((subject, version), []).append(rule)
    return found


def _stop_of(
    identity: str, modality: str, latest: Mapping[tuple[str, str], list[ClassifierRule]]
) -> ClassifierRule | None:
    rules = [*latest.get(_parts(identity), ()), *latest.get((panel_name(modality), ""), ())]
    stopped = [rule for rule in rules if rule.state == ClassifierState.STOPPED]
    return min(stopped, key=lambda rule: rule.pk, default=None)
