"""What a clinic's rules say of each classifier: read from the database each time, for a worker must hear at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from accounts.models import Clinic
from diagnosis.errors import AnalysisFailed
from diagnosis.messages import Message
from diagnosis.models import ClassifierRule
from diagnosis.models.analysis import CLASSIFIERS_OFF, CLASSIFIERS_STOPPED
from diagnosis.models.classifier_rule import ClassifierState, RuleReason
from diagnosis.models.scan import Modality
from diagnosis.rules.acceptance import unaccepted

# Why a classifier is not shown, beside a result or a move of the analysis.
AWAY = {
    ClassifierState.SHADOW: "member_on_trial",
    ClassifierState.OFF: "member_switched_off",
    ClassifierState.STOPPED: "member_stopped",
}


class OthersAnswer(Exception):
    """Some of the classifiers that were asked may not be shown any more; `note` names one. The others may."""

    def __init__(self, name: str, rule: ClassifierRule) -> None:
        super().__init__(name)
        self.note = Message(AWAY[ClassifierState(rule.state)], {"name": name})


def panel_name(modality: str) -> str:
    """The subject of a rule about every classifier of a modality."""
    return f"panel-{modality}"


@dataclass(frozen=True)
class Rules:
    """The rules that hold in one clinic, or of the installation alone, by subject.

    `unaccepted`: the modalities that the clinic shows no answers for before it has measured what is installed.
    """

    by_subject: Mapping[str, tuple[ClassifierRule, ...]] = field(default_factory=dict)
    unaccepted: frozenset[Modality] = frozenset()

    @classmethod
    def of(cls, clinic: UUID | None) -> Rules:
        """Two queries, three where the clinic asks for an acceptance."""
        found: dict[str, tuple[ClassifierRule, ...]] = {}
        for rule in ClassifierRule.objects.concerning(clinic).standing():
            found[rule.subject] = (*found.get(rule.subject, ()), rule)
        return cls(found, unaccepted(clinic))

    def strictest(self, *subjects: str) -> ClassifierRule | None:
        """Of those about the subjects, be they the clinic's or the installation's; None where there is none."""
        rules = [rule for subject in subjects for rule in self.by_subject.get(subject, ())]
        return max(rules, key=_strictness, default=None)

    def of_classifier(self, name: str, modality: str, *, otherwise: ClassifierState) -> ClassifierState:
        """How it stands; `otherwise` where nobody decided about it by name. Before the clinic has accepted what is
        installed, on trial at the mildest.
        """
        of_panel = self.strictest(panel_name(modality))
        named = self.strictest(name)
        states = [ClassifierState(named.state) if named else otherwise]
        states += [ClassifierState(of_panel.state)] if of_panel else []
        states += [ClassifierState.SHADOW] if modality in self.unaccepted else []
        return max(states, key=lambda state: state.strictness)


def _strictness(rule: ClassifierRule) -> tuple[int, int]:
    return ClassifierState(rule.state).strictness, rule.pk


def none_answers(rules: Rules, modality: Modality, names: Iterable[str]) -> AnalysisFailed | None:
    """Why nobody answers in the clinic although classifiers are installed, where its rules are the reason."""
    names = list(names)
    if _waits(rules, modality, names):
        return _unaccepted(modality)
    of_panel = rules.strictest(panel_name(modality))
    named = [rule for name in names if (rule := rules.strictest(name))]
    rule = max([*named, *([of_panel] if of_panel else [])], key=_strictness, default=None)
    return _refusal(rule, modality) if rule and _closes(rule) else None


def _waits(rules: Rules, modality: Modality, names: Iterable[str]) -> bool:
    """Whether an acceptance is what the answers wait for: of some classifier no rule is stricter than that."""
    of_panel = panel_name(modality)
    found = [rules.strictest(name, of_panel) for name in names] or [rules.strictest(of_panel)]
    on_trial = ClassifierState.SHADOW.strictness
    return modality in rules.unaccepted and any(rule is None or _strictness(rule)[0] <= on_trial for rule in found)


def _closes(rule: ClassifierRule) -> bool:
    return rule.state != ClassifierState.ACTIVE


def _refusal(rule: ClassifierRule, modality: Modality) -> AnalysisFailed:
    return _stopped(rule, modality) if rule.state == ClassifierState.STOPPED else _off(rule, modality)


def closed_panels(clinic: UUID) -> list[str]:
    """Why no classifier answers there for one modality or another, in the active language; one query."""
    rules = Rules.of(clinic)
    refused = (none_answers(rules, modality, ()) for modality in Modality)
    return [one.sentence for one in refused if one]


def hold_decisions(clinic: UUID) -> None:
    """Let nobody decide about a classifier of the clinic before this transaction ends, and wait for who is deciding.

    Those who hold it so do not wait for each other. SQLite lets one write at a time anyway.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(Clinic._meta.db_table)
        cursor.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR SHARE", [clinic])  # noqa: S608


def require_still_answering(clinic: UUID, modality: Modality, names: Iterable[str]) -> None:
    """Of the classifiers `names`, which were asked: raise AnalysisFailed where none of them may be shown any more, and
    OthersAnswer where some may not.
    """
    rules, asked, of_panel = Rules.of(clinic), list(names), panel_name(modality)
    if _waits(rules, modality, asked):
        raise _unaccepted(modality)
    closed = {name: rule for name in asked if (rule := rules.strictest(name, of_panel)) and _closes(rule)}
    if not closed:
        return
    if len(closed) == len(asked):
        raise _refusal(max(closed.values(), key=_strictness), modality)
    raise OthersAnswer(*next(iter(closed.items())))


def _stopped(rule: ClassifierRule, modality: Modality) -> AnalysisFailed:
    variant = modality.value if rule.subject == panel_name(modality) else "one"
    params = {"variant": variant, "name": rule.subject, "reason": rule.because}
    return AnalysisFailed(CLASSIFIERS_STOPPED, params, retryable=True)


def _off(rule: ClassifierRule, modality: Modality) -> AnalysisFailed:
    research = rule.reason_code == RuleReason.RESEARCH_ONLY and rule.subject == panel_name(modality)
    variant = f"research_{modality.value}" if research else modality.value
    return AnalysisFailed(CLASSIFIERS_OFF, {"variant": variant}, retryable=True)


def _unaccepted(modality: Modality) -> AnalysisFailed:
    return AnalysisFailed(CLASSIFIERS_OFF, {"variant": f"unaccepted_{modality.value}"}, retryable=True)


@dataclass(frozen=True)
class Stop:
    """That a classifier which answered was stopped since."""

    classifier: str
    version: str
    at: datetime
    because: str

    @property
    def name(self) -> str:
        """With its version, as people write it."""
        return f"{self.classifier} {self.version}"


@dataclass(frozen=True)
class Stops:
    """Of one clinic: which classifiers stand stopped, by subject and version.

    A version that was stopped and not taken up again stays so after a later version took its place, until somebody
    decides about that version.
    """

    standing: Mapping[tuple[str, str], ClassifierRule] = field(default_factory=dict)

    @classmethod
    def of(cls, clinic: UUID | None) -> Stops:
        """Of a clinic, or of the installation alone. One query.

        A stop that became *off* or *on trial* was not lifted, so earlier results stay marked.
        """
        latest: dict[tuple[UUID | None, str, str], ClassifierRule] = {}
        telling = ClassifierRule.objects.concerning(clinic).filter(
            state__in=(ClassifierState.STOPPED, ClassifierState.ACTIVE)
        )
        for rule in telling.order_by("pk"):
            latest[rule.clinic_id, rule.name, rule.version] = rule
        stopped = [rule for rule in latest.values() if rule.state == ClassifierState.STOPPED]
        return cls({(rule.name, rule.version): rule for rule in sorted(stopped, key=lambda rule: -rule.pk)})

    def among(self, modality: str, identities: Iterable[str]) -> list[Stop]:
        """Those of the classifiers with these identities (name/version), in the order given."""
        of_panel = self.standing.get((panel_name(modality), ""))
        found = ((_parts(one), self.standing.get(_parts(one)) or of_panel) for one in identities)
        return [Stop(name, version, rule.made_at, rule.because) for (name, version), rule in found if rule]


def _parts(identity: str) -> tuple[str, str]:
    name, _, version = identity.partition("/")
    return name, version
