from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actors import actor_label
from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from diagnosis.actions.report import draft_report
from diagnosis.errors import NotAllowedNow
from diagnosis.messages import Message
from diagnosis.models import Draft, FirstImpression, KeyImage, ReadingPolicy, Report, Review, Study
from diagnosis.models.review import OPEN, Category, Decision, ReviewKind, ReviewQuerySet
from diagnosis.reviews import agreement, queue
from diagnosis.rules import blinding, policies
from diagnosis.states import ReviewStatus as S

FREE: dict[str, Any] = {"claim": None, "lease_expires_at": None, "claimed_at": None, "reader": None}
# How many cases one call tries before it looks at the queue again: as many readers may press "next" at once.
TRIES = 20
# A page that goes away leaves its case this long, so that a reload finds it again.
LEAVING = timedelta(seconds=10)


def open_review(
    *,
    by: User,
    study: Study,
    kind: ReviewKind = ReviewKind.FIRST,
    urgent: bool = False,
    since: datetime | None = None,
) -> Review:
    """Put a study into the reading queue. It can be read at once; the classifiers' result moves it when it comes."""
    review = Review(
        study=study,
        clinic=study.clinic,
        kind=kind,
        urgent=urgent,
        requested_by=by,
        waiting_since=since or timezone.now(),
    )
    queue.score(review, policies.result_of(review.scan))
    review.due_at = queue.due_at(review, ReadingPolicy.of(study.clinic))
    review.save(force_insert=True)
    note = Message("reading", {"variant": review.kind})
    Review.objects.log_transition(review.pk, "", S.WAITING, by=actor_label(by), note=note)
    return review


def read_with(*, by: User, study: Study, urgent: bool = False) -> None:
    """Have an image that has just come in read: with the open first reading of its study, else by a new one.

    An image that comes after the study was read opens it again; what was signed stays as it was signed. A prior is not
    read.
    """
    if study.is_prior:
        return
    waiting = study.reviews.filter(kind=ReviewKind.FIRST, status__in=OPEN).first()
    if waiting is None:
        open_review(by=by, study=study, urgent=urgent)
    elif urgent and not waiting.urgent:
        flag_urgent(by=by, review=waiting, urgent=True)


def claim_next(*, by: User, within: ReviewQuerySet) -> Review | None:
    """Give `by` the first case of `within` that nobody holds; None when there is none left.

    Two readers never get one case: whatever the look finds, the conditional UPDATE decides.
    """
    release_expired(within.model.objects.filter(clinic__in=Clinic.objects.where(by, Permission.REVIEW_SCAN)))
    waiting = within.filter(status=S.WAITING).open_to(by).in_order()
    return _claim_unlocked(waiting, by=by) or _claim_any(waiting, by=by)


def _claim_unlocked(waiting: ReviewQuerySet, *, by: User) -> Review | None:
    """Passes over what another reader is just taking instead of queueing behind them (where the database can)."""
    with transaction.atomic():
        review = waiting.select_for_update(skip_locked=True, of=("self",)).first()
        return Review.objects.get(pk=review.pk) if review and _claim(review.pk, by=by) else None


def _claim_any(waiting: ReviewQuerySet, *, by: User) -> Review | None:
    """Everything that waits was locked: try it one by one, behind whoever held the locks."""
    while candidates := list(waiting.values_list("pk", flat=True)[:TRIES]):
        for pk in candidates:
            if _claim(pk, by=by):
                return Review.objects.get(pk=pk)
    return None


def claim_review(*, by: User, review: Review) -> Review:
    """Take this very case. Raises NotAllowedNow when somebody else holds or has read it."""
    require(by, Permission.REVIEW_SCAN, review.clinic)
    release_expired(Review.objects.filter(pk=review.pk))
    if not Review.objects.filter(pk=review.pk).open_to(by).exists():
        trainee = policies.drafts_only(by, review.clinic)
        raise NotAllowedNow("own_reading", policies.TRAINEES_FIRST if trainee else policies.OWN_READING)
    if _claim(review.pk, by=by) or Review.objects.held_by(by).filter(pk=review.pk).exists():
        return Review.objects.get(pk=review.pk)
    raise NotAllowedNow("taken", policies.TAKEN)


def renew_claim(*, by: User, review: Review) -> datetime:
    """The heartbeat of an open page. Returns when the lease ends; raises NotAllowedNow once the case is lost."""
    until = timezone.now() + settings.REVIEW_LEASE
    if not Review.objects.held_by(by).filter(pk=review.pk).update(lease_expires_at=until):
        raise NotAllowedNow("lease_lost", policies.LEASE_LOST)
    return until


def leave_review(*, by: User, review: Review, known_until: datetime | None = None) -> None:
    """The page went away: the case returns in a moment, unless the page is there again by then.

    `known_until` is when the lease ended as far as that page knew. A farewell may arrive after the next page of the
    case has renewed the lease, which then stands.
    """
    soon = timezone.now() + LEAVING
    held = Review.objects.held_by(by).filter(pk=review.pk, lease_expires_at__gt=soon)
    if known_until:
        held = held.filter(lease_expires_at__lte=known_until)
    held.update(lease_expires_at=soon)


def release_review(*, by: User, review: Review) -> None:
    """Give a case back; its place in the queue is the one it had."""
    if not _release(review.pk, by=actor_label(by), only=Q(reader=by), note=Message("given_back")):
        raise NotAllowedNow("lease_lost", policies.LEASE_LOST)


def release_expired(within: ReviewQuerySet) -> int:
    """Return cases whose readers went away; returns how many."""
    now = timezone.now()
    still = Q(lease_expires_at__lt=now)
    expired = within.expired(now).values_list("pk", flat=True)
    return sum(_release(pk, by="lease", only=still, note=Message("lease_ended")) for pk in expired)


def commit_first_impression(*, by: User, review: Review, category: Category) -> FirstImpression:
    """Record what the reader thinks before the classifiers' result is shown. The first one stands."""
    _require_held(review, by)
    try:
        with transaction.atomic():
            return FirstImpression.objects.create(review=review, reader=by, category=category)
    except IntegrityError as error:
        raise NotAllowedNow("impression_stands", policies.IMPRESSION_STANDS) from error


@transaction.atomic
def decide_review(
    *,
    by: User,
    review: Review,
    decision: Decision,
    category: Category,
    seen: uuid.UUID | None = None,
    key_images: Iterable[KeyImage] = (),
    **words: Any,
) -> Review:
    """Finish a reading: who, when and what in one conditional UPDATE, with the report it leads to.

    `seen` is the analysis whose result the page showed, where the caller knows it: a decision on a result that has been
    replaced since is refused. `key_images`: as `prepare_key_images` makes them. `words`: image_quality, findings,
    impression, is_key_image, the report's other sections, override_reason with override_note where `decision`
    overrides, and contradiction_reason where the reader was asked for one: raises Contradiction where `category` and
    `decision` contradict each other and there is none.
    """
    _require_held(review, by)
    _require_first_impression(review, by)
    policies.require_decidable(review, by=by, decision=decision, **words)
    result = policies.result_of(review.scan)
    if seen and (result is None or result.pk != seen):
        raise NotAllowedNow("result_changed", policies.RESULT_CHANGED)
    reason = str(words.pop("contradiction_reason", ""))
    words |= agreement.stand_on(result, category=category, decision=decision, reason=reason)
    decided = Review.objects.move(
        review.pk,
        S.CLAIMED,
        S.DECIDED,
        by=actor_label(by),
        only=Q(reader=by),
        decision=decision,
        category=category,
        decided_at=timezone.now(),
        analysis=result,
        claim=None,
        lease_expires_at=None,
        **words,
    )
    if not decided:
        raise NotAllowedNow("lease_lost", policies.LEASE_LOST)
    review.refresh_from_db()
    KeyImage.objects.bulk_create(key_images)
    _follow_up(review, by=by)
    Draft.objects.filter(review=review, reader=by).delete()
    return review


def request_second_opinion(*, by: User, review: Review) -> Review:
    """Ask for another reader, who will not see this reading."""
    require(by, Permission.REVIEW_SCAN, review.clinic)
    try:
        with transaction.atomic():
            # Holds the report's row, so that it is not signed between this question and its answer.
            list(Report.objects.select_for_update().filter(study=review.study_id))
            policies.require_second_opinion_possible(review.scan)
            return open_review(by=by, study=review.study, kind=ReviewKind.SECOND, urgent=review.urgent)
    except IntegrityError as error:
        # Two asked at once; the constraint let one through.
        raise NotAllowedNow("second_opinion", policies.SECOND_EXISTS) from error


def flag_urgent(*, by: User, review: Review, urgent: bool) -> None:
    """Set or lift the urgent flag, which moves the case in the queue."""
    require(by, Permission.UPLOAD_SCAN, review.clinic)
    with transaction.atomic():
        # Locked: a result that comes at this moment changes the same place.
        current = Review.objects.open().select_for_update().filter(pk=review.pk).first()
        if current is None:
            raise NotAllowedNow("already_read", policies.ALREADY_READ)
        current.urgent = urgent
        place = queue.due_at(current, ReadingPolicy.of(review.clinic))
        Review.objects.filter(pk=review.pk).update(urgent=urgent, due_at=place)


def _claim(pk: uuid.UUID, *, by: User) -> bool:
    now = timezone.now()
    return Review.objects.move(
        pk,
        S.WAITING,
        S.CLAIMED,
        by=actor_label(by),
        reader=by,
        claim=uuid.uuid4(),
        claimed_at=now,
        lease_expires_at=now + settings.REVIEW_LEASE,
    )


def _release(pk: uuid.UUID, *, by: str, only: Q, note: Message) -> bool:
    return Review.objects.move(pk, S.CLAIMED, S.WAITING, by=by, only=only, note=note, **FREE)


def _require_held(review: Review, by: User) -> None:
    require(by, Permission.REVIEW_SCAN, review.clinic)
    if not Review.objects.held_by(by).filter(pk=review.pk).exists():
        raise NotAllowedNow("lease_lost", policies.LEASE_LOST)


def _require_first_impression(review: Review, by: User) -> None:
    if blinding.hides_result(by, review.study_id):
        raise NotAllowedNow("impression_first", policies.IMPRESSION_FIRST)


def _follow_up(review: Review, *, by: User) -> None:
    """What a decision leads to: a preliminary report, a second reader, an arbiter."""
    if review.kind == ReviewKind.FIRST:
        draft_report(by=by, review=review)
        if _sampled(review):
            open_review(by=by, study=review.study, kind=ReviewKind.SECOND, urgent=review.urgent)
    elif review.kind == ReviewKind.ARBITRATION:
        draft_report(by=by, review=review)
    elif policies.discordant(review.scan):
        open_review(by=by, study=review.study, kind=ReviewKind.ARBITRATION, urgent=review.urgent)


def _sampled(review: Review) -> bool:
    """Whether the clinic's sampling asks for a second reader of this case."""
    if review.scan.reviews.filter(kind=ReviewKind.SECOND).exists():
        return False
    return is_sampled(review.study_id, ReadingPolicy.of(review.clinic).double_reading_percent)


def is_sampled(study: uuid.UUID, percent: int) -> bool:
    """Whether a study is among the `percent`, 0 to 100, that are read twice. Its key decides; nobody can steer it."""
    return int.from_bytes(hashlib.sha256(study.bytes).digest()[:4], "big") % 100 < percent
