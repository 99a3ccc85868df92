"""The classifiers of this installation: which are active, and the loaded ones of a worker."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from django.conf import settings

from diagnosis.errors import AnalysisFailed
from diagnosis.messages import Message
from diagnosis.models import Prediction
from diagnosis.models.classifier_rule import ClassifierState
from diagnosis.models.scan import Modality
from diagnosis.rules import installation
from diagnosis.rules.classifiers import AWAY, Rules, none_answers, panel_name
from ml import serving
from ml.ensemble import EnsembleSpec
from ml.gate import Gate
from ml.spec import ClassifierSpec
from ml.spec import Modality as MlModality

log = logging.getLogger(__name__)
NONE_MEASURED = Message("none_measured")


@dataclass(frozen=True, eq=False)
class Chosen:
    """The classifiers that are asked about a study, in the order of their names.

    `away`: how those stand that are installed and not asked.
    """

    classifiers: Sequence[serving.Classifier]
    away: Mapping[str, ClassifierState] = field(default_factory=dict)

    @property
    def specs(self) -> list[ClassifierSpec]:
        return [one.spec for one in self.classifiers]

    @cached_property
    def ensemble(self) -> tuple[EnsembleSpec | None, tuple[Message, ...]]:
        """As `ensemble_for`, looked for once: whatever is installed meanwhile, a study is combined by one version."""
        return ensemble_for(self.specs, self.away)


def installed_specs() -> tuple[ClassifierSpec, ...]:
    """The specs of every classifier that lies here, active or not. Loads no weights, so that web processes may ask."""
    return installation.specs()


def active_specs() -> tuple[ClassifierSpec, ...]:
    """The specs of every active classifier. Loads no weights, so that web processes may ask."""
    return tuple(spec for spec in installed_specs() if spec.name not in settings.INACTIVE_CLASSIFIERS)


def ensembles() -> tuple[EnsembleSpec, ...]:
    """The ensembles that lie here, at most one for each modality. Loads no weights, so that web processes may ask."""
    return installation.ensembles()


def abnormality_ensemble(modality: Modality) -> EnsembleSpec | None:
    """The ensemble that lies here for the modality, where it answers whether the lung is abnormal."""
    found = _ensemble_of(modality.value)
    return found if found and found.abnormality else None


def _ensemble_of(modality: str) -> EnsembleSpec | None:
    return next((one for one in ensembles() if one.modality == modality), None)


def loaded(modality: Modality) -> tuple[serving.Classifier, ...]:
    """The active classifiers of `modality`, verified and loaded once in this process.

    Raises AnalysisFailed when there is none, or the files of one cannot be used: a scan without an answer must say so.
    """
    try:
        classifiers = serving.load(settings.ML_WEIGHTS_ROOT, MlModality(modality.value))
    except serving.BundleRefused as refused:
        log.exception("the classifiers cannot be used")
        raise AnalysisFailed("classifier_refused", retryable=True) from refused
    active = tuple(c for c in classifiers if c.spec.name not in settings.INACTIVE_CLASSIFIERS)
    if not active:
        raise AnalysisFailed("no_classifier", {"variant": modality.value}, retryable=True)
    return active


def shown_in(clinic: UUID, modality: Modality) -> Chosen:
    """Those whose results the clinic sees. Raises AnalysisFailed, with the reason, when there is none."""
    classifiers, rules = loaded(modality), Rules.of(clinic)
    states = _states(rules, [one.spec for one in classifiers])
    found = _in_state(classifiers, states, ClassifierState.ACTIVE)
    if not found.classifiers:
        refused = none_answers(rules, modality, states)
        raise refused or AnalysisFailed("no_classifier", {"variant": modality.value}, retryable=True)
    return found


def on_trial_in(clinic: UUID, modality: Modality) -> Chosen:
    """Those that answer in the clinic without being shown; often none. Raises AnalysisFailed as `loaded`."""
    classifiers = loaded(modality)
    states = _states(Rules.of(clinic), [one.spec for one in classifiers])
    return _in_state(classifiers, states, ClassifierState.SHADOW)


@dataclass(frozen=True)
class Subject:
    """What a rule can be about. `version`: empty for a panel, which means whatever is installed of its modality.

    `is_earlier`: it is a version that is not installed any more; `name` is its identity then, such as vgg16-cxr/1.0.0.
    """

    name: str
    version: str
    modality: Modality
    is_earlier: bool = False


def subjects() -> dict[str, Subject]:
    """By name: each modality's panel, and after it the classifiers of the modality that are installed."""
    specs = installed_specs()
    found: dict[str, Subject] = {}
    for modality in Modality:
        found[panel_name(modality)] = Subject(panel_name(modality), "", modality)
        found |= {one.name: Subject(one.name, one.version, modality) for one in specs if one.modality == modality.value}
    return found


def earlier_subject(identity: str) -> Subject | None:
    """A version, name/version, that is not installed any more and has answered; else None."""
    if identity in {one.identity for one in installed_specs()}:
        return None
    name, _, version = identity.partition("/")
    answered = Prediction.objects.filter(classifier=name, version=version)
    modality = answered.order_by().values_list("analysis__study__modality", flat=True).first()
    return Subject(identity, version, Modality(modality), is_earlier=True) if modality else None


def states_in(clinic: UUID | None) -> dict[str, ClassifierState]:
    """How every installed classifier stands in a clinic, or by the installation’s rules alone. Loads no weights."""
    return _states(Rules.of(clinic), installed_specs())


def _states(rules: Rules, specs: Iterable[ClassifierSpec]) -> dict[str, ClassifierState]:
    members = {one.modality: _names(one) for one in ensembles()}
    return {spec.name: _state(rules, spec, members.get(spec.modality)) for spec in specs}


def _names(one: EnsembleSpec) -> frozenset[str]:
    return frozenset(member.partition("/")[0] for member in one.members)


def _state(rules: Rules, spec: ClassifierSpec, members: frozenset[str] | None) -> ClassifierState:
    """A classifier that the ensemble was not measured with is on trial until it is, or until somebody decides."""
    if spec.name in settings.INACTIVE_CLASSIFIERS:
        return ClassifierState.OFF
    newcomer = members is not None and spec.name not in members
    otherwise = ClassifierState.SHADOW if newcomer else ClassifierState.ACTIVE
    return rules.of_classifier(spec.name, spec.modality.value, otherwise=otherwise)


def why_silent(clinic: UUID, modality: Modality) -> tuple[Message, ...]:
    """Why the ensemble that lies here gives no answers in the clinic, neither shown ones nor on trial; empty where it
    does. Loads no weights.
    """
    found = _ensemble_of(modality.value)
    if found is None:
        return (NONE_MEASURED,)
    states = states_in(clinic)
    specs = [one for one in installed_specs() if one.modality == modality.value]
    shown, on_trial = (
        tuple(one for one in specs if states[one.name] == state)
        for state in (ClassifierState.ACTIVE, ClassifierState.SHADOW)
    )
    untried = _blocked_reasons(found, on_trial, _others(states, ClassifierState.SHADOW))
    return _blocked_reasons(found, shown, _others(states, ClassifierState.ACTIVE)) if untried and shown else untried


def _others(states: Mapping[str, ClassifierState], state: ClassifierState) -> dict[str, ClassifierState]:
    return {name: found for name, found in states.items() if found != state}


def _in_state(
    classifiers: Iterable[serving.Classifier], states: Mapping[str, ClassifierState], state: ClassifierState
) -> Chosen:
    asked = [one for one in classifiers if states[one.spec.name] == state]
    return Chosen(asked, _others(states, state))


def gate() -> Gate:
    """What refuses images that no classifier can answer for, loaded once in this process.

    Raises AnalysisFailed where it cannot be used: nothing is classified that nobody has looked at first.
    """
    try:
        return Gate.load(settings.ML_WEIGHTS_ROOT)
    except serving.BundleRefused as refused:
        log.exception("the gate cannot be used")
        raise AnalysisFailed("no_gate", retryable=True) from refused


def gate_for(modality: Modality) -> Gate:
    """The gate, if it was trained for `modality`. Raises AnalysisFailed as `gate` does."""
    found = gate()
    if MlModality(modality.value) not in found.spec.thresholds:
        log.error("gate %s was not trained for %s", found.spec.version, modality.value)
        raise AnalysisFailed("no_gate", retryable=True)
    return found


def ensemble_for(
    active: Iterable[ClassifierSpec], away: Mapping[str, ClassifierState] | None = None
) -> tuple[EnsembleSpec | None, tuple[Message, ...]]:
    """The ensemble that may combine the predictions of `active`, all of one modality; or None, and why not.

    It needs every member in the version it was measured with. Other classifiers do not matter. `away`: how those stand
    that are installed and were not asked.
    No reason is given where there is nothing to combine: one classifier, and no ensemble.
    """
    specs = tuple(active)
    found = _ensemble_of(specs[0].modality)
    if found is None:
        return None, (NONE_MEASURED,) if len(specs) > 1 else ()
    reasons = _blocked_reasons(found, specs, away or {})
    return (None, reasons) if reasons else (found, ())


def warm() -> None:
    """Load the gate and every active classifier now, so that the first scan of a worker does not wait for them."""
    modalities = {Modality(spec.modality.value) for spec in active_specs()}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(gate)
        list(pool.map(loaded, modalities))
        first.result()


def _blocked_reasons(
    found: EnsembleSpec, active: tuple[ClassifierSpec, ...], away: Mapping[str, ClassifierState]
) -> tuple[Message, ...]:
    """Why the ensemble may not speak for these classifiers; empty when all its members are among them."""
    answered = {spec.name: spec for spec in active}
    members = dict(member.split("/") for member in found.members)
    faults = [_fault(name, version, answered.get(name), away) for name, version in members.items()]
    reasons = tuple(fault for fault in faults if fault)
    measured = Message("measured_with_members", {"ensemble": f"{found.name} {found.version}"})
    return (*reasons, measured) if reasons else ()


def _fault(
    name: str, version: str, active: ClassifierSpec | None, away: Mapping[str, ClassifierState]
) -> Message | None:
    if active is None:
        switched_off = ClassifierState.OFF if name in settings.INACTIVE_CLASSIFIERS else None
        state = away.get(name, switched_off)
        code = AWAY.get(state, "member_not_installed") if state else "member_not_installed"
        return Message(code, {"name": name, "version": version})
    if active.version != version:
        return Message("member_of_other_version", {"name": name, "active": active.version, "version": version})
    return None
