"""Draws the attention maps of an image that a person asked for, and deletes the oldest when there are too many."""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction

from diagnosis.analyses import classifiers
from diagnosis.analyses.predict import ClassifierPrediction, predict
from diagnosis.analyses.runner import WORKERS_LOST, pixels_of
from diagnosis.errors import AnalysisFailed
from diagnosis.models import AttentionMap, Drawing, Prediction
from diagnosis.models.attention import DrawingStatus
from diagnosis.models.scan import Modality
from ml import imaging

log = logging.getLogger(__name__)
DELETED_AT_ONCE = 200


def draw(pk: uuid.UUID) -> bool:
    """Draw what is still to be drawn; a second message for it does nothing. Returns whether it was claimed."""
    claim = Drawing.objects.claim(pk)
    if claim is None:
        return False
    try:
        _require_attempts_left(pk)
        _store(pk, claim, _made(pk))
    except AnalysisFailed as failure:
        _fail(pk, claim, failure)
    except Exception:
        log.exception("the attention maps of drawing %s failed", pk)
        _fail(pk, claim, AnalysisFailed("unexpected", retryable=True))
    return True


def _require_attempts_left(pk: uuid.UUID) -> None:
    """An image that kills its workers must not be tried for ever."""
    if Drawing.objects.filter(pk=pk, attempts__gt=settings.ANALYSIS_ATTEMPTS).exists():
        raise WORKERS_LOST


def delete_oldest(*, most: int | None = None) -> int:
    """Delete the maps that were not asked for longest, beyond the `most` that are kept. Returns how many images'."""
    kept = settings.ATTENTION_KEPT if most is None else most
    old = list(Drawing.objects.filter(status=DrawingStatus.DRAWN).order_by("-used_at", "-pk")[kept:][:DELETED_AT_ONCE])
    return sum(_delete(one) for one in old)


def _delete(drawing: Drawing) -> bool:
    files = list(drawing.maps.all())
    # One that was asked for at this moment stays.
    deleted, _ = Drawing.objects.filter(pk=drawing.pk, used_at=drawing.used_at).delete()
    for one in files if deleted else ():
        one.picture.delete(save=False)
    return bool(deleted)


def _made(pk: uuid.UUID) -> list[AttentionMap]:
    """The maps of those classifiers that are still what they were when they answered; at least one."""
    drawing = Drawing.objects.select_related("analysis", "image").get(pk=pk)
    answered = {one.identity: one for one in Prediction.objects.filter(analysis=drawing.analysis)}
    modality = Modality(drawing.image.modality)
    asked = classifiers.shown_in(drawing.image.clinic_id, modality)
    made = predict(pixels_of(drawing.image), modality, asked).each
    same = [(answered[one.spec.identity], one) for one in made if _is_same(answered.get(one.spec.identity), one)]
    if not same:
        raise AnalysisFailed("classifiers_changed", retryable=False)
    return [_map(drawing, prediction, one) for prediction, one in same]


def _is_same(answered: Prediction | None, one: ClassifierPrediction) -> bool:
    return answered is not None and answered.weights_sha256 == one.spec.weights_sha256


def _map(drawing: Drawing, prediction: Prediction, one: ClassifierPrediction) -> AttentionMap:
    return AttentionMap(
        drawing=drawing,
        prediction=prediction,
        label=one.prediction.attention_label,
        picture=ContentFile(imaging.render_png(one.prediction.attention), name="attention.png"),
    )


def _store(pk: uuid.UUID, claim: uuid.UUID, maps: list[AttentionMap]) -> None:
    """Files first, so that no row names a missing one."""
    try:
        with transaction.atomic():
            if not Drawing.objects.finish(pk, claim, DrawingStatus.DRAWN):
                return
            for one in maps:
                one.save(force_insert=True)
    except BaseException:
        _discard(maps)
        raise


def _discard(maps: list[AttentionMap]) -> None:
    with suppress(DatabaseError):
        if not AttentionMap.objects.filter(pk__in=[one.pk for one in maps]).exists():
            for one in maps:
                one.picture.delete(save=False)


def _fail(pk: uuid.UUID, claim: uuid.UUID, failure: AnalysisFailed) -> None:
    changes: dict[str, Any] = {"failure_code": failure.code, "failure_params": failure.stored.params}
    Drawing.objects.finish(pk, claim, DrawingStatus.FAILED, **changes)
