"""The classifiers of this installation: which are active, and the loaded ones of a worker."""

from __future__ import annotations

from django.conf import settings

from diagnosis.errors import AnalysisFailed
from diagnosis.models.scan import Modality
from ml import serving
from ml.spec import ClassifierSpec
from ml.spec import Modality as MlModality


def active_specs() -> tuple[ClassifierSpec, ...]:
    """The specs of every active classifier. Loads no weights, so that web processes may ask."""
    specs = serving.catalogue(settings.ML_WEIGHTS_ROOT)
    return tuple(spec for spec in specs if spec.name not in settings.INACTIVE_CLASSIFIERS)


def loaded(modality: Modality) -> tuple[serving.Classifier, ...]:
    """The active classifiers of `modality`, verified and loaded once in this process.

    Raises AnalysisFailed when there is none: a scan without an answer must say so.
    """
    classifiers = serving.load(settings.ML_WEIGHTS_ROOT, MlModality(modality.value))
    active = tuple(c for c in classifiers if c.spec.name not in settings.INACTIVE_CLASSIFIERS)
    if not active:
        raise AnalysisFailed(
            "no_classifier",
            f"No classifier for this modality ({modality.label}) is active here. The scan is kept; "
            "retry when an administrator has activated one.",
            retryable=True,
        )
    return active


def warm() -> None:
    """Load every active classifier now, so that the first scan of a worker does not wait for it."""
    for modality in {spec.modality for spec in active_specs()}:
        loaded(Modality(modality.value))
