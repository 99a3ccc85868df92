"""What the images of a study are answered while further ones still arrive, kept for the analysis that is to come.

A CT series comes slice by slice for minutes, and its analysis begins when the last one is there. Until then workers
would wait. What is kept is kept in the cache alone: what is lost there is asked again, and only costs time.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from django.core.cache import cache

from diagnosis.analyses.aggregation import ImageSource
from ml.study.inference import ImageAnswers, Panel

log = logging.getLogger(__name__)

FORM = 2  # of what is kept: another number when its form or its meaning changes
KEPT = timedelta(minutes=30)


def recall(panel: Panel, sources: Iterable[ImageSource]) -> dict[UUID, ImageAnswers]:
    """What this very panel has answered already, by image; nothing where the cache cannot be reached."""
    keys = {_key(panel, source): source.key for source in sources if source.sha256}
    try:
        return {keys[key]: answers for key, answers in cache.get_many(keys).items()}
    except Exception:
        log.warning("the cache cannot be read; every image is asked about again", exc_info=True)
        return {}


def keep(panel: Panel, answered: Sequence[tuple[ImageSource, ImageAnswers]]) -> None:
    """Keep what the panel answered. Raises whatever the cache raises."""
    kept = {_key(panel, source): answers.without_maps() for source, answers in answered}
    cache.set_many(kept, timeout=KEPT.total_seconds())


def _key(panel: Panel, source: ImageSource) -> str:
    """Of the file's bytes and of everything that makes the answer: another version of a classifier answers anew."""
    asked = [one.spec for one in panel.classifiers]
    made_by = [f"{one.identity}/{one.weights_sha256}/{one.preprocessing}" for one in asked]
    parts = [panel.modality.value, panel.gate.spec.version, panel.gate.spec.weights_sha256, *made_by, source.sha256]
    return f"answers/{FORM}/{hashlib.sha256(' '.join(parts).encode()).hexdigest()}"
