"""Thin Celery tasks: an id in, one call. What they do lives in the runner."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from pathlib import Path
from threading import Thread

from celery import Task, current_app, shared_task
from celery.signals import worker_process_init
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.locale import in_locale_of
from accounts.models import Clinic
from diagnosis import notifications
from diagnosis.analyses import classifiers, drawing, runner, shadow
from diagnosis.models import Analysis, Drawing, KeptAnswer, Scan
from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.models.attention import DrawingQuerySet
from diagnosis.oversight import alarms, history, storage
from diagnosis.reviews import escalation, missing_readers
from diagnosis.scans import erasing, intake, orphans
from diagnosis.states import AnalysisStatus

log = logging.getLogger(__name__)
# A sweep sends no more than this at once; the next sweep goes on.
SWEEP_BATCH = 500
# While a study arrives: how often it is looked for a batch of new images, and when a message is too old to help.
AHEAD_SECONDS = 1.0
AHEAD_EXPIRES = 60.0


@shared_task(bind=True, acks_late=True)
def run_analysis(self: Task, analysis_id: str) -> None:
    pk = uuid.UUID(analysis_id)
    if not runner.run(pk, worker=f"worker {self.request.hostname}"):
        _send_again_if_it_waits(pk)
    elif shadow.is_wanted(pk):
        _send_to_trial(pk)


def _send_again_if_it_waits(pk: uuid.UUID) -> None:
    """Further images of its study came meanwhile, so its time is later than when its message was sent."""
    waiting = Analysis.objects.filter(pk=pk, status=AnalysisStatus.QUEUED).values_list("not_before", flat=True).first()
    if waiting and waiting > timezone.now():
        enqueue(pk, at=waiting)


def _send_to_trial(pk: uuid.UUID) -> None:
    """It goes to the end of the line. What the broker does not take is one study less to count."""
    try:
        ask_those_on_trial.apply_async((str(pk),), **_limits(pk))
    except (OperationalError, OSError):
        log.warning("the broker did not take analysis %s for the classifiers on trial", pk, exc_info=True)


@shared_task(acks_late=False)
def ask_those_on_trial(analysis_id: str) -> None:
    shadow.run(uuid.UUID(analysis_id))


@shared_task(acks_late=False)
def answer_ahead(study_id: str) -> None:
    """Use the time in which the images of a study arrive; goes on until its analysis begins, batch by batch.

    After each batch it goes to the end of the line, so that nobody else's image waits for a whole series.
    """
    asked = runner.run_ahead(uuid.UUID(study_id))
    if asked is not None:
        send_ahead(uuid.UUID(study_id), after=0 if asked else AHEAD_SECONDS)


def send_ahead(study: uuid.UUID, *, after: float = AHEAD_SECONDS) -> None:
    """Nothing depends on it: a broker that is away only means that the analysis takes longer."""
    try:
        answer_ahead.apply_async((str(study),), countdown=after, expires=after + AHEAD_EXPIRES)
    except (OperationalError, OSError):
        log.warning("the broker did not take study %s; its images wait for the analysis", study, exc_info=True)


@shared_task(acks_late=False)
def sweep_analyses() -> None:
    """Free what lost its worker, send what was never sent, and have looked for what the broker may have lost."""
    runner.release_lost(by="sweep")
    if _send_all(Analysis.objects.unsent(), Drawing.objects.unsent()) and any(one.exists() for one in _sent_long_ago()):
        _look_for_lost_messages()


def _look_for_lost_messages() -> None:
    """In the line of the analyses, and only as long as this is young: see ANALYSIS_RESEND_AFTER."""
    try:
        send_again.apply_async(expires=settings.ANALYSIS_SWEEP_SECONDS)
    except (OperationalError, OSError):
        log.warning("the broker did not take the order to look for lost messages", exc_info=True)


@shared_task(acks_late=False)
def send_again() -> None:
    """What was sent so long ago that it would have left the line before this, and is queued all the same."""
    _send_all(*_sent_long_ago())


def _sent_long_ago() -> tuple[AnalysisQuerySet, DrawingQuerySet]:
    before = timezone.now() - settings.ANALYSIS_RESEND_AFTER
    return Analysis.objects.sent_before(before), Drawing.objects.sent_before(before)


def _send_all(analyses: AnalysisQuerySet, drawings: DrawingQuerySet) -> bool:
    """Returns whether the broker took them."""
    keys = analyses.order_by("requested_at").values_list("pk", flat=True)[:SWEEP_BATCH]
    return all(map(enqueue, keys)) and all(map(enqueue_drawing, drawings.values_list("pk", flat=True)[:SWEEP_BATCH]))


@shared_task(acks_late=True)
def draw_attention(drawing_id: str) -> None:
    drawing.draw(uuid.UUID(drawing_id))


@shared_task(acks_late=False)
def delete_old_drawings() -> None:
    """Keep the disk bounded: what is deleted is drawn again when somebody asks."""
    drawing.delete_oldest()


@shared_task(acks_late=False)
def sweep_orphans() -> None:
    """What a killed job leaves on the disk."""
    orphans.sweep(Path(settings.PRIVATE_ROOT))


@shared_task(acks_late=False)
def erase_deleted() -> None:
    """What a deletion had to leave on the disk."""
    erasing.sweep()


@shared_task(acks_late=False)
def forget_answers() -> None:
    """What the API promised to answer again, and promises no longer."""
    KeptAnswer.objects.forget_old()


@shared_task(acks_late=False)
def mail_notifications() -> None:
    notifications.mail_pending()


@shared_task(acks_late=False)
def mail_digests() -> None:
    notifications.mail_digests()


def mail_now() -> None:
    """Do not wait for the next round; where the broker is away, that comes anyway."""
    try:
        mail_notifications.apply_async(expires=60)
    except (OperationalError, OSError):
        log.warning("the broker did not take the order to mail", exc_info=True)


@shared_task(acks_late=False)
def escalate_critical_results() -> None:
    if escalation.escalate_overdue():
        mail_now()


@shared_task(acks_late=False)
def tell_of_missing_readers() -> None:
    if missing_readers.tell_of_missing_readers():
        mail_now()


@shared_task(acks_late=False)
def keep_figures() -> None:
    """Count and measure ahead what the pages of oversight show, so that nobody waits for it there."""
    for clinic in Clinic.objects.filter(is_active=True):
        with in_locale_of(clinic=clinic):
            history.monthly([clinic.pk], history.since(history.LONGEST))
        alarms.tell_of_drift(clinic)
        storage.measure(Path(settings.PRIVATE_ROOT), clinic.pk)


def enqueue(pk: uuid.UUID, *, at: datetime | None = None) -> bool:
    """Send the analysis's message, for a worker to act on at once or from `at` on.

    When the broker is away the row stays queued and the sweep sends it later.
    """
    try:
        run_analysis.apply_async((str(pk),), eta=at, **_limits(pk))
    except (OperationalError, OSError):
        log.warning("the broker did not take analysis %s; the sweep will send it", pk, exc_info=True)
        return False
    Analysis.objects.filter(pk=pk).update(enqueued_at=timezone.now())
    return True


def enqueue_drawing(pk: uuid.UUID) -> bool:
    """Send the message of a drawing; as `enqueue`."""
    try:
        draw_attention.apply_async((str(pk),))
    except (OperationalError, OSError):
        log.warning("the broker did not take drawing %s; the sweep will send it", pk, exc_info=True)
        return False
    Drawing.objects.filter(pk=pk).update(enqueued_at=timezone.now())
    return True


def _limits(pk: uuid.UUID) -> dict[str, int]:
    """Seconds that the analysis may take: those of one image, and one more for each further image."""
    images = Scan.objects.filter(series__study__analyses=pk).count()
    seconds = settings.ANALYSIS_SECONDS + max(images - 1, 0)
    return {"time_limit": seconds, "soft_time_limit": seconds - 10}


@worker_process_init.connect
def _load_classifiers(**_: object) -> None:
    """In the child, never before the fork: inference engines do not survive one."""
    Thread(target=intake.start_decoder, daemon=True).start()
    if not _asks_classifiers():
        return
    try:
        classifiers.warm()
    except Exception:
        # The worker must still start: each job then fails with its own readable reason.
        log.exception("the classifiers could not be loaded")


def _asks_classifiers() -> bool:
    """Whether this worker takes from the queue of the analyses: the other one is spared their memory."""
    queue = current_app.amqp.router.route({}, run_analysis.name)["queue"]
    return queue.name in current_app.amqp.queues.consume_from
