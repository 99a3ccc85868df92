"""Runs one analysis: claim → decode → predict → store. Never enqueues anything."""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from diagnosis.analyses import classifiers
from diagnosis.analyses.aggregation import ImageSource
from diagnosis.analyses.lease import Lease
from diagnosis.analyses.predict import (
    ClassifierPrediction,
    CombinedPrediction,
    ImageOutcome,
    ImagePredictions,
    StudyPredictions,
    answer_ahead,
    predict_study,
)
from diagnosis.analyses.watch import Watch
from diagnosis.database import drop_broken_connection, is_database_away
from diagnosis.errors import AnalysisFailed, FileRefused, IntakeUnavailable
from diagnosis.messages import Message
from diagnosis.models import Analysis, EnsemblePrediction, ImageResult, Patient, Prediction, Scan, Study, Transition
from diagnosis.models.analysis import CLASSIFIERS_OFF
from diagnosis.models.notification import NotificationKind
from diagnosis.models.scan import Modality
from diagnosis.notifications import notify_uploader
from diagnosis.reviews import queue
from diagnosis.rules import thresholds
from diagnosis.rules.acceptance import Measured
from diagnosis.rules.classifiers import OthersAnswer, hold_decisions, require_still_answering
from diagnosis.rules.thresholds import SiteThresholds
from diagnosis.scans import filing, intake
from diagnosis.states import AnalysisStatus as S
from ml import imaging
from ml.ensemble import EnsembleSpec
from ml.spec import ClassifierSpec

log = logging.getLogger(__name__)

UNEXPECTED = AnalysisFailed("unexpected", retryable=True)
TOO_SLOW = AnalysisFailed("too_slow", retryable=True)
WORKERS_LOST = AnalysisFailed("workers_lost", retryable=True)
# After so many an analysis is not the victim of a restart; each one that is interrupts it once.
MOST_OUTAGES = 10


def run(pk: uuid.UUID, *, worker: str) -> bool:
    """Run the analysis if it is still queued and its time has come; a second message for a running or finished one does
    nothing. Returns whether it was claimed.
    """
    claim = Analysis.objects.claim(pk, worker=worker)
    if claim is None:
        log.info("analysis %s is not to be run now; nothing to do", pk)
        return False
    with Lease(pk, claim):
        try:
            store(pk, claim, worker, _predict(pk))
        except OthersAnswer as changed:
            # Nobody's failure: it does not count as one of the attempts.
            attempts = F("attempts") - 1
            _give_back(pk, by=worker, only=Q(claim=claim), note=changed.note, attempts=attempts)
        except AnalysisFailed as failure:
            # Of what somebody has to mend here; what is wrong with a file is told in its sentence.
            detail = str(failure.__cause__ or "") if failure.retryable else ""
            _fail(pk, failure, by=worker, only=Q(claim=claim), detail=detail)
        except SoftTimeLimitExceeded:
            _fail(pk, TOO_SLOW, by=worker, only=Q(claim=claim))
        except Exception as error:
            if is_database_away(error):
                _wait_for_database(pk, claim, worker, detail=traceback.format_exc())
            else:
                log.exception("analysis %s failed", pk)
                _fail(pk, UNEXPECTED, by=worker, only=Q(claim=claim), detail=traceback.format_exc())
    return True


def _wait_for_database(pk: uuid.UUID, claim: uuid.UUID, worker: str, *, detail: str) -> None:
    """Nobody's failure either: it is run again. While the database is still away this raises, and the lease ends.

    Where it goes away each time, because something cuts connections that say nothing for as long as an analysis
    takes, the analysis fails in the end: it would be run for ever.
    """
    drop_broken_connection()
    if Transition.objects.filter(analysis=pk, note="database_away").count() >= MOST_OUTAGES:
        log.error("analysis %s failed: the database went away each time that it ran", pk)
        _fail(pk, UNEXPECTED, by=worker, only=Q(claim=claim), detail=detail)
        return
    log.warning("analysis %s is queued again: the database went away while it ran", pk)
    attempts = F("attempts") - 1
    _give_back(pk, by=worker, only=Q(claim=claim), note=Message("database_away"), attempts=attempts)


def run_ahead(pk: uuid.UUID) -> bool | None:
    """Ask about a batch of the images of a study whose analysis still waits for further ones; nothing is stored.

    Returns whether there was a whole batch to ask about; None where there is nothing to do any more.
    """
    study = Study.objects.filter(pk=pk).first()
    if study is None or not study.analyses.waiting().filter(not_before__gt=timezone.now()).exists():
        return None
    try:
        modality = Modality(study.modality)
        asked = classifiers.shown_in(study.clinic_id, modality)
        return answer_ahead([source_of(image) for image in images_of(study)], modality, asked)
    except Exception:
        # The analysis will meet the same, and say so.
        log.warning("study %s cannot be asked about ahead of its analysis", pk, exc_info=True)
        return None


def release_lost(*, by: str) -> int:
    """Queue again what lost its worker, or fail what has lost too many. Returns how many were moved."""
    return sum(_release(analysis, by=by) for analysis in Analysis.objects.lost())


def _release(analysis: Analysis, *, by: str) -> bool:
    # The lease is part of the WHERE: a worker that renewed it meanwhile keeps its job.
    still_lost = Q(claim=analysis.claim, lease_expires_at=analysis.lease_expires_at)
    if analysis.attempts >= settings.ANALYSIS_ATTEMPTS:
        return _fail(analysis.pk, WORKERS_LOST, by=by, only=still_lost)
    return _give_back(analysis.pk, by=by, only=still_lost, note=Message("worker_lost", {"worker": analysis.worker}))


def _give_back(pk: uuid.UUID, *, by: str, only: Q, note: Message, **changes: Any) -> bool:
    try:
        with transaction.atomic():
            return Analysis.objects.release(pk, by=by, only=only, note=note, **changes)
    except IntegrityError:
        # A newer one of the same study waits already, and will see all that this one would have seen.
        replaced = Message("replaced_by_newer")
        return Analysis.objects.finish(pk, S.RUNNING, S.CANCELLED, by=by, only=only, note=replaced)


def _predict(pk: uuid.UUID) -> StudyPredictions:
    analysis = Analysis.objects.select_related("study", "image__series").get(pk=pk)
    images = [analysis.image] if analysis.image else images_of(analysis.study)
    if not images:
        raise _nothing_to_classify(analysis.study)
    clinic, modality = analysis.study.clinic_id, Modality(analysis.study.modality)
    asked = classifiers.shown_in(clinic, modality)
    watch = Watch(clinic, modality, [spec.name for spec in asked.specs])
    return predict_study([watch.over(source_of(image)) for image in images], modality, asked)


def source_of(image: Scan) -> ImageSource:
    """What the classifiers are given of an image."""
    spacing = (image.row_spacing, image.column_spacing) if image.row_spacing and image.column_spacing else None
    return ImageSource(
        image.pk,
        partial(pixels_of, image),
        image.series_id,
        image.series.description,
        image.series.kernel,
        image.series.slice_thickness,
        image.slice_position,
        image.instance_number or 0,
        spacing,
        image.sha256,
    )


def images_of(study: Study) -> list[Scan]:
    """Those of the study that classifiers may be asked about, in their order."""
    images = Scan.objects.filter(series__study=study, not_classified_code="").select_related("series")
    return list(images.order_by("series", F("instance_number").asc(nulls_last=True), "uploaded_at", "pk"))


def _nothing_to_classify(study: Study) -> AnalysisFailed:
    """With the reason of its first image; every image has one."""
    image = Scan.objects.filter(series__study=study).order_by("uploaded_at", "pk").first()
    if image is None:
        return AnalysisFailed("nothing_to_classify", retryable=False)
    return AnalysisFailed(image.not_classified_code, image.not_classified_params, retryable=False)


def pixels_of(scan: Scan) -> np.ndarray:
    """The scan's pixels, float32 in [0, 1], from the original that was uploaded and no other."""
    data = _original(scan)
    if intake.fingerprint(data) != scan.sha256:
        raise AnalysisFailed("original_altered", retryable=True)
    try:
        with intake.decoding() as decoder:
            decoded = decoder.decode(data, owner=str(scan.patient_id))
    except FileRefused as refused:
        raise AnalysisFailed(refused.code, refused.stored.params, retryable=False) from refused
    except IntakeUnavailable as unavailable:
        raise AnalysisFailed("decoder_unavailable", retryable=True) from unavailable
    if reason := decoded.not_classified:  # which an older version, or another reading of the header, did not see
        raise AnalysisFailed(reason.code, reason.params, retryable=False)
    return decoded.pixels


def _original(scan: Scan) -> bytes:
    try:
        with scan.original.open("rb") as file:
            return file.read()
    except OSError as error:
        log.exception("original of scan %s", scan.pk)
        raise AnalysisFailed("original_unreadable", retryable=True) from error


def store(pk: uuid.UUID, claim: uuid.UUID, worker: str, study: StudyPredictions) -> None:
    """Keep the predictions if the analysis is still ours; files first, so that no row names a missing one."""
    made = study.predictions
    predictions = [_prediction(pk, study.key_image, one) for one in made.each]
    try:
        with transaction.atomic():
            ours = Q(claim=claim)
            related = ("study__clinic", "study__patient", "study__modality")
            examined = Analysis.objects.select_related("study").only(*related).get(pk=pk).study
            # First of all, as every upload and correction does: each of them would wait for rows of the other.
            list(Patient.objects.select_for_update(no_key=True).filter(pk=examined.patient_id))
            _require_still_answering(examined, predictions)
            reasons = [reason.as_json() for reason in made.without_ensemble]
            changes: dict[str, Any] = {"without_ensemble_reasons": reasons, "aggregation": dict(study.aggregation)}
            if not Analysis.objects.finish(pk, S.RUNNING, S.SUCCEEDED, by=worker, only=ours, **changes):
                raise _NoLongerOurs
            Prediction.objects.bulk_create(predictions)
            ImageResult.objects.bulk_create([_image_result(pk, one) for one in study.images])
            if made.combined:
                ensemble_prediction_row(pk, made.combined, _site_thresholds(examined, made)).save(force_insert=True)
            analysis = Analysis.objects.select_related("study__clinic").get(pk=pk)
            if analysis.image_id is None:
                # Not the key image: which one that is tells of the result.
                filing.represent(analysis.study)
            queue.prioritise(analysis)
            notify_uploader(analysis.study, NotificationKind.RESULT)
    except BaseException as error:
        _discard(predictions)
        if not isinstance(error, _NoLongerOurs):
            raise
        log.warning("analysis %s was taken away while it ran; its result is dropped", pk)


def _require_still_answering(study: Study, predictions: list[Prediction]) -> None:
    """The last look before a result is there for everybody; raises AnalysisFailed and OthersAnswer.

    Whoever decides about a classifier waits until this result is kept, and this until the decision is: none is kept
    that a stop did not see.
    """
    hold_decisions(study.clinic_id)
    require_still_answering(study.clinic_id, Modality(study.modality), [one.classifier for one in predictions])


def _discard(predictions: list[Prediction]) -> None:
    """Delete the files of rows that are not there. An error may also come after the commit, from what follows it."""
    kept = Prediction.objects.filter(pk__in=[prediction.pk for prediction in predictions])
    with suppress(DatabaseError):
        if not kept.exists():
            for prediction in predictions:
                prediction.attention.delete(save=False)
                prediction.seen.delete(save=False)


class _NoLongerOurs(Exception):
    pass


def _image_result(pk: uuid.UUID, one: ImageOutcome) -> ImageResult:
    return ImageResult(
        analysis_id=pk,
        image_id=one.image,
        probabilities=dict(one.probabilities),
        probability=one.probability,
        zone=one.zone,
        above=one.above,
        not_classified_code=one.refused.code if one.refused else "",
        not_classified_params=dict(one.refused.params) if one.refused else {},
    )


def _prediction(pk: uuid.UUID, image: uuid.UUID, one: ClassifierPrediction) -> Prediction:
    spec, predicted = one.spec, one.prediction
    probability = predicted.probabilities[spec.operating_point.positive_label]
    prediction = Prediction(
        analysis_id=pk,
        image_id=image,
        classifier=spec.name,
        version=spec.version,
        architecture=spec.architecture,
        weights_sha256=spec.weights_sha256,
        preprocessing=spec.preprocessing,
        probabilities=predicted.probabilities,
        label=predicted.label,
        operating_point=spec.operating_point.to_fields(),
        probability=probability,
        at_or_above_threshold=predicted.positive,
        zone=spec.operating_point.zone(probability).value,
        milliseconds=predicted.milliseconds,
        attention_label=predicted.attention_label,
        card=_card(spec) | {"intended_use": spec.intended_use},
    )
    prediction.attention.save("attention.png", ContentFile(imaging.render_png(predicted.attention)), save=False)
    prediction.seen.save("seen.png", ContentFile(imaging.render_png(predicted.seen)), save=False)
    return prediction


def _site_thresholds(study: Study, made: ImagePredictions) -> SiteThresholds | None:
    """Those that the clinic has put into use for exactly what has answered here; decided on after the decisions of the
    clinic were held, so that a result that is kept later than a decision follows it.
    """
    if made.combined is None or made.combined.ensemble.abnormality is None:
        return None
    weights = {one.spec.identity: one.spec.weights_sha256 for one in made.each}
    return thresholds.applied(study.clinic_id, Modality(study.modality), Measured.of(made.combined.ensemble, weights))


def ensemble_prediction_row(
    pk: uuid.UUID, combined: CombinedPrediction, site: SiteThresholds | None = None
) -> EnsemblePrediction:
    """What an ensemble predicts from the predictions of the analysis `pk`, at the thresholds of its clinic where it has
    some; not saved.
    """
    ensemble, probabilities = combined.ensemble, combined.probabilities
    point = ensemble.operating_point
    probability = probabilities[point.positive_label]
    return EnsemblePrediction(
        analysis_id=pk,
        ensemble=ensemble.name,
        version=ensemble.version,
        members=list(ensemble.members),
        probabilities=probabilities,
        label=max(probabilities, key=probabilities.__getitem__),
        operating_point=_operating_point(ensemble),
        probability=probability,
        at_or_above_threshold=probability >= point.threshold,
        zone=point.zone(probability).value,
        abnormality=abnormality_of(combined, site),
        card=_card(ensemble),
    )


def _operating_point(ensemble: EnsembleSpec) -> dict[str, Any]:
    """With what tells how far to trust it: a later version may be measured otherwise."""
    return ensemble.operating_point.to_fields() | {
        "sources": dict(ensemble.sources),
        "answers": dict(ensemble.answers),
        "research_only": ensemble.research_only,
        **_positive_zone(ensemble.metrics),
    }


def _positive_zone(metrics: Mapping[str, Any], question: str = "") -> dict[str, Any]:
    """What the positive zone alone does as a call; nothing where that was not measured."""
    names = {name: f"{question}{name}/positive_zone" for name in ("sensitivity", "specificity")}
    if not all(name in metrics for name in names.values()):
        return {}
    return {"positive_zone": {short: metrics[name] for short, name in names.items()}}


def abnormality_of(combined: CombinedPrediction, site: SiteThresholds | None = None) -> dict[str, Any] | None:
    """As an ensemble's row keeps it. Of the study as a whole, for the combined probabilities are; None where the
    ensemble was not asked.

    `operating_point` is what was applied. Where those were the thresholds of the clinic, the ensemble's own are kept
    beside it, so that an acceptance can measure them.
    """
    point = combined.ensemble.abnormality
    if point is None:
        return None
    probability = point.probability(combined.probabilities)
    own = point.to_fields() | _positive_zone(combined.ensemble.metrics, "abnormality/")
    if site is None:
        return {"probability": probability, "zone": point.zone(probability).value, "operating_point": own}
    return {
        "probability": probability,
        "zone": site.zone(probability).value,
        "operating_point": site.in_place_of(own),
        "own_point": own,
    }


def _card(spec: ClassifierSpec | EnsembleSpec) -> dict[str, Any]:
    """What a report prints of the model card, kept as it was when the prediction was made.

    Where some places alone measured sensitivity and specificity, the AUC beside them is that of the same images.
    """
    point, metrics = spec.operating_point, spec.metrics
    label = point.positive_label
    if point.domains:
        return {"label": label, "auc": metrics.get(f"auc/{label}/domains"), "measured_on": point.measured_on}
    return {"label": label, "auc": metrics.get(f"auc/{label}"), "measured_on": metrics.get("measured_on", "")}


@transaction.atomic
def _fail(pk: uuid.UUID, failure: AnalysisFailed, *, by: str, only: Q, detail: str = "") -> bool:
    failed = Analysis.objects.finish(
        pk,
        S.RUNNING,
        S.FAILED,
        by=by,
        only=only,
        note=failure.stored,
        failure_code=failure.code,
        failure_params=failure.stored.params,
        failure_detail=detail,
        failure_retryable=failure.retryable,
    )
    # What a clinic switched off did not fail: the page of the study says so, and there is nothing to do about it.
    if failed and failure.code != CLASSIFIERS_OFF:
        notify_uploader(Analysis.objects.select_related("study").get(pk=pk).study, NotificationKind.FAILURE)
    return failed
