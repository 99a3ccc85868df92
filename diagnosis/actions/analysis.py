from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Max

from accounts.actors import actor_label
from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis import tasks
from diagnosis.errors import NotAllowedNow
from diagnosis.messages import Message
from diagnosis.models import Analysis, Scan
from diagnosis.models.analysis import Trigger
from diagnosis.rules import policies
from diagnosis.states import AnalysisStatus as S


def rerun_analysis(*, by: User, scan: Scan) -> Analysis:
    """Queue a new analysis of a scan whose latest one has finished, whatever its end; nothing is overwritten."""
    require(by, Permission.REQUEST_ANALYSIS, scan.clinic)
    latest = scan.latest_analysis
    policies.require_rerunnable(latest)
    trigger = Trigger.RETRY if latest and latest.status == S.FAILED else Trigger.RERUN
    try:
        with transaction.atomic():
            return start_analysis(by=by, scan=scan, trigger=trigger)
    except IntegrityError as error:
        # Two people asked at once; the constraint let one through.
        raise NotAllowedNow("already_open", policies.ALREADY_OPEN) from error


def cancel_analysis(*, by: User, analysis: Analysis) -> None:
    """Stop an analysis that has not finished. A worker in the middle of it drops its result."""
    require(by, Permission.REQUEST_ANALYSIS, analysis.scan.clinic)
    for source in (S.QUEUED, S.RUNNING):
        if Analysis.objects.finish(analysis.pk, source, S.CANCELLED, by=actor_label(by)):
            return
    raise NotAllowedNow("already_finished", policies.ALREADY_FINISHED)


def start_analysis(*, by: User, scan: Scan, trigger: Trigger, note: Message | None = None) -> Analysis:
    """Add a queued analysis and send it when the surrounding transaction commits. `note` says why, if not `trigger`."""
    last = scan.analyses.aggregate(last=Max("number"))["last"] or 0
    analysis = Analysis.objects.create(scan=scan, number=last + 1, trigger=trigger, requested_by=by)
    note = note or Message("trigger", {"variant": trigger.value})
    Analysis.objects.log_transition(analysis.pk, "", S.QUEUED, by=actor_label(by), note=note)
    # Robust: what is committed stays done, whatever the broker or the note of the sending do; the sweep sends again.
    transaction.on_commit(lambda: tasks.enqueue(analysis.pk), robust=True)
    return analysis
