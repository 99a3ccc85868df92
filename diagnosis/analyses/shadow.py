"""Asks the classifiers on trial, after the result that people see is there, and keeps their answers to be counted.
A clinic's acceptance measures them, too.

On its own, so that nothing that goes wrong with a classifier on trial can delay or spoil a result.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping

from django.db import transaction

from diagnosis.analyses import classifiers
from diagnosis.analyses.predict import ClassifierPrediction, CombinedPrediction, StudyPredictions, predict_study
from diagnosis.analyses.runner import abnormality_of, images_of, source_of
from diagnosis.errors import AnalysisFailed
from diagnosis.models import Analysis, ShadowPrediction
from diagnosis.models.analysis import CLASSIFIERS_OFF
from diagnosis.models.classifier_rule import ClassifierState
from diagnosis.models.scan import Modality
from diagnosis.states import AnalysisStatus as S
from ml.ensemble import EnsembleSpec
from ml.spec import ClassifierSpec

log = logging.getLogger(__name__)


def is_wanted(pk: uuid.UUID) -> bool:
    """Whether any classifier is on trial for what the analysis saw. Loads no weights."""
    analysis = _answered(pk)
    if analysis is None:
        return False
    states = classifiers.states_in(analysis.study.clinic_id)
    of_modality = [spec.name for spec in classifiers.installed_specs() if spec.modality == analysis.study.modality]
    return any(states[name] == ClassifierState.SHADOW for name in of_modality)


def run(pk: uuid.UUID) -> int:
    """Ask them about the images of the analysis as they are now. Returns how many answers were kept."""
    analysis = _answered(pk)
    if analysis is None:
        return 0
    modality = Modality(analysis.study.modality)
    try:
        asked = classifiers.on_trial_in(analysis.study.clinic_id, modality)
        sources = [source_of(image) for image in images_of(analysis.study)]
        if not (asked.classifiers and sources):
            return 0
        return _store(analysis, predict_study(sources, modality, asked))
    except AnalysisFailed as failure:
        log.warning("classifiers on trial gave no answer in analysis %s: %s", pk, failure.code)
        return 0


def _answered(pk: uuid.UUID) -> Analysis | None:
    """The analysis where there is something to compare: a result, or none because the clinic shows none."""
    found = Analysis.objects.select_related("study").filter(pk=pk, image=None, study__withdrawal=None).first()
    if found is None or not (found.status == S.SUCCEEDED or found.failure_code == CLASSIFIERS_OFF):
        return None
    return found


def _store(analysis: Analysis, study: StudyPredictions) -> int:
    """Those that are still on trial when they have answered."""
    made = study.predictions
    states = classifiers.states_in(analysis.study.clinic_id)
    each = [one for one in made.each if states.get(one.spec.name) == ClassifierState.SHADOW]
    rows = list(_rows(analysis, each))
    combined = made.combined if len(each) == len(made.each) else None
    with transaction.atomic():
        ShadowPrediction.objects.bulk_create(rows, ignore_conflicts=True)
        if combined:
            _store_combined(analysis, combined, [one.image for one in study.images])
    return len(rows) + bool(combined)


def _store_combined(analysis: Analysis, combined: CombinedPrediction, images: Iterable[uuid.UUID]) -> None:
    """With all that an acceptance asks of a result: how abnormal the lung is, of whom it was asked, and about what."""
    row = _row(analysis, combined.ensemble, combined.probabilities, weights_sha256="")
    row.members, row.abnormality = list(combined.ensemble.members), abnormality_of(combined)
    ShadowPrediction.objects.bulk_create([row], ignore_conflicts=True)
    if ShadowPrediction.objects.filter(pk=row.pk).exists():  # else it was asked twice, and the first answer stands
        asked_about = ShadowPrediction.images.through
        rows = [asked_about(shadowprediction_id=row.pk, scan_id=image) for image in images]
        asked_about._default_manager.bulk_create(rows)


def _rows(analysis: Analysis, each: list[ClassifierPrediction]) -> Iterator[ShadowPrediction]:
    for one in each:
        spec = one.spec
        yield _row(analysis, spec, one.prediction.probabilities, weights_sha256=spec.weights_sha256)


def _row(
    analysis: Analysis, spec: ClassifierSpec | EnsembleSpec, said: Mapping[str, float], *, weights_sha256: str
) -> ShadowPrediction:
    point = spec.operating_point
    probability = said[point.positive_label]
    return ShadowPrediction(
        analysis=analysis,
        classifier=spec.name,
        version=spec.version,
        weights_sha256=weights_sha256,
        positive_label=point.positive_label,
        probability=probability,
        at_or_above_threshold=probability >= point.threshold,
        zone=point.zone(probability).value,
    )
