"""The classifiers of this installation: which are active, and the loaded ones of a worker."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from diagnosis.errors import AnalysisFailed
from diagnosis.messages import Message
from diagnosis.models.scan import Modality
from ml import ensemble, serving
from ml.ensemble import EnsembleSpec
from ml.gate import Gate
from ml.spec import ClassifierSpec
from ml.spec import Modality as MlModality

log = logging.getLogger(__name__)
NONE_MEASURED = Message("none_measured")


def installed_specs() -> tuple[ClassifierSpec, ...]:
    """The specs of every classifier that lies here, active or not. Loads no weights, so that web processes may ask."""
    return serving.catalogue(settings.ML_WEIGHTS_ROOT)


def active_specs() -> tuple[ClassifierSpec, ...]:
    """The specs of every active classifier. Loads no weights, so that web processes may ask."""
    return tuple(spec for spec in installed_specs() if spec.name not in settings.INACTIVE_CLASSIFIERS)


def ensembles() -> tuple[EnsembleSpec, ...]:
    """The ensembles that lie here, at most one for each modality. Loads no weights, so that web processes may ask."""
    return ensemble.ensembles(settings.ML_WEIGHTS_ROOT)


def loaded(modality: Modality) -> tuple[serving.Classifier, ...]:
    """The active classifiers of `modality`, verified and loaded once in this process.

    Raises AnalysisFailed when there is none: a scan without an answer must say so.
    """
    classifiers = serving.load(settings.ML_WEIGHTS_ROOT, MlModality(modality.value))
    active = tuple(c for c in classifiers if c.spec.name not in settings.INACTIVE_CLASSIFIERS)
    if not active:
        raise AnalysisFailed("no_classifier", {"variant": modality.value}, retryable=True)
    return active


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


def ensemble_for(active: Iterable[ClassifierSpec]) -> tuple[EnsembleSpec | None, tuple[Message, ...]]:
    """The ensemble that may combine the predictions of `active`, all of one modality; or None, and why not.

    It needs every member in the version it was measured with. Other classifiers do not matter.
    No reason is given where there is nothing to combine: one classifier, and no ensemble.
    """
    specs = tuple(active)
    found = next((one for one in ensembles() if one.modality == specs[0].modality), None)
    if found is None:
        return None, (NONE_MEASURED,) if len(specs) > 1 else ()
    reasons = _blocked_reasons(found, specs)
    return (None, reasons) if reasons else (found, ())


def warm() -> None:
    """Load the gate and every active classifier now, so that the first scan of a worker does not wait for them."""
    modalities = {Modality(spec.modality.value) for spec in active_specs()}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(gate)
        list(pool.map(loaded, modalities))
        first.result()


def _blocked_reasons(found: EnsembleSpec, active: tuple[ClassifierSpec, ...]) -> tuple[Message, ...]:
    """Why the ensemble may not speak for these classifiers; empty when all its members are among them."""
    answered = {spec.name: spec for spec in active}
    members = dict(member.split("/") for member in found.members)
    faults = [_fault(name, version, answered.get(name)) for name, version in members.items()]
    reasons = tuple(fault for fault in faults if fault)
    measured = Message("measured_with_members", {"ensemble": f"{found.name} {found.version}"})
    return (*reasons, measured) if reasons else ()


def _fault(name: str, version: str, active: ClassifierSpec | None) -> Message | None:
    if active is None:
        switched_off = name in settings.INACTIVE_CLASSIFIERS
        code = "member_switched_off" if switched_off else "member_not_installed"
        return Message(code, {"name": name, "version": version})
    if active.version != version:
        return Message("member_of_other_version", {"name": name, "active": active.version, "version": version})
    return None
