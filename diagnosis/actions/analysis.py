from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from accounts.actors import actor_label
from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis import tasks
from diagnosis.errors import NotAllowedNow
from diagnosis.messages import Message
from diagnosis.models import Analysis, Scan, Study
from diagnosis.models.analysis import Trigger
from diagnosis.rules import policies
from diagnosis.states import AnalysisStatus as S


def rerun_analysis(*, by: User, study: Study) -> Analysis:
    """Queue a new analysis of a study whose latest one has finished, whatever its end; nothing is overwritten."""
    require(by, Permission.REQUEST_ANALYSIS, study.clinic)
    latest = study.latest_analysis
    policies.require_rerunnable(latest)
    trigger = Trigger.RETRY if latest and latest.status == S.FAILED else Trigger.RERUN
    try:
        with transaction.atomic():
            return start_analysis(by=by, study=study, trigger=trigger)
    except IntegrityError as error:
        # Two people asked at once; the constraint let one through.
        raise NotAllowedNow("already_open", policies.ALREADY_OPEN) from error


def cancel_analysis(*, by: User, analysis: Analysis) -> None:
    """Stop an analysis that has not finished. A worker in the middle of it drops its result."""
    require(by, Permission.REQUEST_ANALYSIS, analysis.study.clinic)
    for source in (S.QUEUED, S.RUNNING):
        if Analysis.objects.finish(analysis.pk, source, S.CANCELLED, by=actor_label(by)):
            return
    raise NotAllowedNow("already_finished", policies.ALREADY_FINISHED)


def analyse_with(*, by: User, study: Study, images: Sequence[Scan]) -> None:
    """Have images that have just come in analysed with the rest of their study.

    They join the analysis that still waits, which then waits a little longer for the next one; else they start another.
    Each further analysis of a study waits twice as long as the one before it, so that a slow sender does not start one
    for every image. Images that no classifier is asked about start one only where they are the first. A prior is not
    analysed.
    """
    if study.is_prior:
        return
    classified = [image for image in images if not image.not_classified_code]
    if not classified and study.analyses.exists():
        return
    is_whole = any(not image.in_series for image in classified)  # not one slice of many
    quiet = timedelta(0) if is_whole else settings.ANALYSIS_QUIET
    now = timezone.now()
    waiting = study.analyses.waiting()
    finished = study.analyses.filter(image=None).exclude(status=S.QUEUED).count()
    not_before = now + quiet * 2 ** min(finished, 5) if quiet else None
    if not_before is None:
        # A lateral view waits for its frontal one, which has come: the message of before comes when the wait is over.
        for pk in waiting.filter(not_before__gt=now).values_list("pk", flat=True):
            _send(pk)
    # What is there may be claimed at this moment; then the UPDATE finds none, and there is one more.
    if not (waiting.exists() and waiting.update(not_before=not_before)):
        start_analysis(by=by, study=study, trigger=Trigger.UPLOAD, not_before=not_before)


def analyse_again(*, by: User, study: Study, note: Message) -> None:
    """Have a study analysed that has other images than before: not a prior of which nobody wanted a result.

    Runs in the transaction that changes them. One that waits is held until that ends: a worker that claimed it before
    would see the images of before.
    """
    if study.analyses.waiting().select_for_update().first() or (study.is_prior and not study.analyses.exists()):
        return
    start_analysis(by=by, study=study, trigger=Trigger.RERUN, note=note)


def start_analysis(
    *,
    by: User,
    study: Study,
    trigger: Trigger,
    note: Message | None = None,
    not_before: datetime | None = None,
) -> Analysis:
    """Add a queued analysis and send it when the surrounding transaction commits. `note` says why, if not `trigger`."""
    last = study.analyses.aggregate(last=Max("number"))["last"] or 0
    analysis = Analysis.objects.create(
        study=study, number=last + 1, trigger=trigger, requested_by=by, not_before=not_before
    )
    note = note or Message("trigger", {"variant": trigger.value})
    Analysis.objects.log_transition(analysis.pk, "", S.QUEUED, by=actor_label(by), note=note)
    _send(analysis.pk, at=not_before)
    if not_before:
        transaction.on_commit(lambda: tasks.send_ahead(study.pk), robust=True)
    return analysis


def _send(pk: uuid.UUID, *, at: datetime | None = None) -> None:
    """After the commit. Robust: what is committed stays done whatever the broker does, and the sweep sends again."""
    transaction.on_commit(lambda: tasks.enqueue(pk, at=at), robust=True)
