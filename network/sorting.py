"""What becomes of received instances: a patient's images, or a row on the worklist of unmatched studies.

The row is the job, as an analysis is: a worker holds it by a lease, and whatever ends the worker, the next one goes on.
To take an instance in twice is harmless, because the intake finds its bytes again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from accounts.locale import in_time_zone_of
from diagnosis.actions.receiving import Upload, receive_scans
from diagnosis.database import drop_broken_connection, is_database_away
from diagnosis.errors import AttachedElsewhere, DiskFull, FileRefused, IdentityMismatch, IntakeUnavailable, Refusal
from diagnosis.scans import intake
from diagnosis.scans.request import Request
from network import deciding, finishing, spool
from network.deciding import Matches, Outcome, Taking
from network.finishing import STILL_THERE, finish, finish_filed
from network.matching import why
from network.models import InstanceStatus, ReceivedInstance

log = logging.getLogger(__name__)

HOLD = timedelta(seconds=60)
# Sorted together at most: so many that what one image costs is its decoding, so few that the lease lasts.
AT_ONCE = 12
BYTES_AT_ONCE = 64 * 1024 * 1024
# A file that ended so many workers is shown to a person instead.
MOST_ATTEMPTS = 3
RELATED = (
    *("entity__account", "clinic", "study__patient"),
    *("retrieval__entity", "retrieval__study__patient__merged_into"),
)


def sort_some(*, seconds: float) -> bool:
    """Sort what waits, for about so long. Returns whether there is more."""
    deadline = time.monotonic() + seconds
    finishing.begin_turn()
    while pks := _next():
        if time.monotonic() > deadline:
            return True
        if rows := _claim(pks):
            sort(rows)
    return False


def _next() -> list[UUID]:
    """The oldest, and what the same sender sent with it. One that may have ended its worker is sorted alone."""
    waiting = ReceivedInstance.objects.unsorted(timezone.now()).order_by("received_at", "pk")
    oldest = list(waiting.only("pk", "entity", "attempts", "byte_size")[:AT_ONCE])
    chosen = oldest[:1]
    for row in oldest[1:]:
        size = sum(one.byte_size for one in chosen) + row.byte_size
        if chosen[0].attempts or row.attempts or row.entity_id != chosen[0].entity_id or size > BYTES_AT_ONCE:
            break
        chosen.append(row)
    return [row.pk for row in chosen]


def _claim(pks: Sequence[UUID]) -> list[ReceivedInstance]:
    """Those of them that nobody else took, in the order in which they came."""
    now = timezone.now()
    lease = {"held_until": now + HOLD}
    free = ReceivedInstance.objects.unsorted(now).filter(pk__in=pks)
    if not free.update(**lease, attempts=F("attempts") + 1):
        return []
    mine = ReceivedInstance.objects.filter(pk__in=pks, **lease).order_by("received_at", "pk")
    return list(mine.select_related(*RELATED))


def sort(rows: Sequence[ReceivedInstance]) -> list[Outcome]:
    """Sort instances of one sender that the caller holds. RECEIVED for what is still in the line afterwards."""
    try:
        with in_time_zone_of(rows[0].clinic):  # a header says no zone
            return _sort(rows)
    except Exception as error:
        if is_database_away(error):
            log.warning("%d received instances wait: the database went away", len(rows))
            drop_broken_connection()
            _not_counted(rows)
            return [STILL_THERE] * len(rows)
        if len(rows) > 1:  # because of one of them, which is found by sorting each by itself
            return [outcome for row in rows for outcome in sort([row])]
        log.exception("received instance %s could not be sorted", rows[0].pk)
        return [_give_up(rows[0]) if rows[0].attempts >= MOST_ATTEMPTS else STILL_THERE]


def _not_counted(rows: Sequence[ReceivedInstance]) -> None:
    """It was not the fault of the files."""
    ReceivedInstance.objects.held_as(rows).update(attempts=F("attempts") - 1)


def _sort(rows: Sequence[ReceivedInstance]) -> list[Outcome]:
    """What belongs to one patient is taken in together, which costs far less than one by one."""
    outcomes: dict[UUID, Outcome] = {}
    takings: dict[tuple[UUID, UUID | None], list[Taking]] = {}
    matches: Matches = {}
    for row in rows:
        step = _look_into(row, matches)
        if isinstance(step, Outcome):
            outcomes[row.pk] = step
        else:
            takings.setdefault((step.patient.pk, row.retrieval_id), []).append(step)
    for together in takings.values():
        outcomes |= _take(together)
    return [outcomes[row.pk] for row in rows]


def _look_into(row: ReceivedInstance, matches: Matches) -> Outcome | Taking:
    """Whose it is, or what became of it where that is the end of it."""
    if row.attempts > MOST_ATTEMPTS:  # before anything of it is touched that ended the workers before
        return _give_up(row)
    look = None
    try:
        data = spool.read(row.pk)
        look = deciding.read(row, intake.identify(data, sender=row.entity_id))
        step = deciding.decide(look, data, matches)
    except IntakeUnavailable:
        return _wait(row)
    except FileRefused as refused:
        look = look or deciding.unread(row)
        step = deciding.not_shown(look, refused)
    except FileNotFoundError:
        step = Outcome(InstanceStatus.WAITING, why("gone"))
    return step if isinstance(step, Taking) else finish(look or deciding.unread(row), step)


def _wait(row: ReceivedInstance) -> Outcome:
    log.warning("received instance %s waits: the server cannot take it in now", row.pk)
    _not_counted([row])
    return STILL_THERE


def _give_up(row: ReceivedInstance) -> Outcome:
    """To a person, without a word of its header, which may be what fails."""
    return finish(deciding.unread(row), Outcome(InstanceStatus.WAITING, why("unexpected")))


def _take(takings: Sequence[Taking]) -> dict[UUID, Outcome]:
    """Through the same intake as an upload. All are of one patient, and came by one road."""
    first = takings[0]
    row = first.look.row
    results = receive_scans(
        by=row.entity.account,
        patient=first.patient,
        files=[taking.file for taking in takings],
        request=Request(prior_from=row.retrieval.entity.title) if row.retrieval else None,
    )
    filed, outcomes = [], {}
    for taking, result in zip(takings, results, strict=True):
        if isinstance(result, Upload):
            filed.append((taking.look, result.scan))
        else:
            outcomes[taking.look.row.pk] = _not_taken(taking, result)
    return outcomes | finish_filed(filed)


def _not_taken(taking: Taking, refusal: Refusal) -> Outcome:
    look, patient = taking.look, taking.patient
    if isinstance(refusal, IntakeUnavailable | DiskFull):
        return _wait(look.row)
    if isinstance(refusal, AttachedElsewhere):
        status = InstanceStatus.KEPT if look.decided else InstanceStatus.WAITING
        return finish(look, Outcome(status, why("elsewhere"), patient))
    if isinstance(refusal, IdentityMismatch):
        return finish(look, Outcome(InstanceStatus.WAITING, why("image"), patient))
    if isinstance(refusal, FileRefused):
        return finish(look, deciding.not_shown(look, refusal))
    raise refusal
