"""The queue as lists show it: each case with the reason for its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from diagnosis.models import Analysis, ReadingPolicy, Review, Scan
from diagnosis.models.review import Mark, ReviewKind, ReviewQuerySet
from diagnosis.models.study import speaking_of
from diagnosis.results import verdict, words
from diagnosis.results.images import count_of
from diagnosis.results.words import Computer
from diagnosis.reviews import queue
from diagnosis.rules import blinding
from diagnosis.states import AnalysisStatus, ReviewStatus

SHOWN = (
    *("study__patient", "study__representative__patient", "study__representative__series"),
    *("image__patient", "image__series", "clinic", "reader"),
)
# From so many hours on, a result is told as a reason for a case's place.
NOTICEABLE = 1.0
# A page that is there renews its lease every third of it: one that has less left than half has missed a beat.
MISSED = settings.REVIEW_LEASE / 2


@dataclass(frozen=True)
class Row:
    """A case in the queue, as `reader` may see it.

    `hidden`: nothing of the classifiers' result shows. `is_own`: a further reading of a study that the reader has read.
    `is_again`: a first reading of a study that was read before its last images came. `images` counts all of them.
    """

    review: Review
    reader: User
    policy: ReadingPolicy
    hidden: bool
    is_own: bool
    is_again: bool
    images: int
    now: datetime
    said: Computer | None = None

    @property
    def priority(self) -> queue.Priority:
        return queue.priority(self.review, self.policy)

    @property
    def reasons(self) -> list[str]:
        """Why it stands here, beyond its waiting time and its own urgency, in a few words each."""
        parts = [_("referrer: urgent")] if queue.is_urgent_for_referrer(self.review) else []
        if self.hidden:
            return parts
        if self.review.disagreement:
            parts.append(verdict.chip(Mark.DISAGREEMENT))
        if self.priority.suspicion >= NOTICEABLE:
            parts.append(_("moved up by the result"))
        return parts

    @property
    def result(self) -> Computer | None:
        """What the classifiers say; None where hidden, and where they have said nothing."""
        return None if self.hidden or self.said is None else self.said

    @property
    def marks(self) -> list[str]:
        """What wants a person's eye, beyond what `result` and `reasons` say; nothing where hidden."""
        said = (Mark.INDETERMINATE, Mark.DISAGREEMENT)
        return [] if self.hidden else [mark for mark in self.review.marks if mark not in said]

    @property
    def is_held(self) -> bool:
        return self.review.status == ReviewStatus.CLAIMED

    @property
    def is_mine(self) -> bool:
        return self.review.is_held_by(self.reader)

    @property
    def back_at(self) -> datetime | None:
        """When a case whose reader's page went away returns; None while the page renews its lease."""
        until = self.review.lease_expires_at
        return until if until and until - self.now < MISSED else None

    @property
    def is_repeated(self) -> bool:
        return self.review.kind != ReviewKind.FIRST

    @property
    def count_of_images(self) -> str:
        """ "60 images"; empty where there is one, or one alone is read."""
        return count_of(self.images) if self.images > 1 and not self.review.image_id else ""

    @property
    def state(self) -> list[Any]:
        """All that a reader sees of the row and that may change; for the ETag."""
        review = self.review
        return [
            str(review.pk),
            review.status,
            str(review.reader_id),
            review.urgent,
            str(self.back_at),
            [self.images, self.is_again, review.study.priority],
            self.hidden or [review.suspicion, review.disagreement, review.share_above, review.zone, review.marks],
        ]


def rows(reviews: ReviewQuerySet, *, reader: User) -> list[Row]:
    """In a fixed number of queries, however many there are."""
    return rows_of(list(prepared(reviews)), reader=reader)


def rows_of(found: list[Review], *, reader: User) -> list[Row]:
    """Of reviews that come from `prepared`."""
    hidden = blinding.results_hidden_among(reader, [review.study_id for review in found])
    policies = _policies(found)
    own = _read_before(found, reader)
    said = _said(found, policies)
    now = timezone.now()
    return [
        Row(
            review,
            reader,
            policies[review.clinic_id],
            hidden=review.study_id in hidden,
            is_own=review.study_id in own,
            is_again=_is_again(review),
            images=int(vars(review)["image_count"]),
            now=now,
            said=said.get(review.pk),
        )
        for review in found
    ]


def prepared(reviews: ReviewQuerySet) -> ReviewQuerySet:
    """With all that a row shows beside the classifiers' result: how many images its study has, a reading of it.

    That is a key and not an EXISTS, which PostgreSQL may answer for all rows at once, from all that was ever read.
    """
    done = Review.objects.filter(
        study=OuterRef("study"), kind=ReviewKind.FIRST, status=ReviewStatus.DECIDED, image=None
    )
    counted = reviews.annotate(image_count=Scan.objects.count_in("study"), earlier=Subquery(done.values("pk")[:1]))
    return counted.select_related(*SHOWN)


def _is_again(review: Review) -> bool:
    return review.kind == ReviewKind.FIRST and review.image_id is None and vars(review)["earlier"] is not None


def _said(reviews: list[Review], policies: dict[UUID, ReadingPolicy]) -> dict[UUID, Computer]:
    """What the newest result of each case says, by the review's key."""
    studies = {review.study_id for review in reviews}
    done = Analysis.objects.filter(study__in=studies, status=AnalysisStatus.SUCCEEDED).with_all_images()
    done = done.order_by("number")
    results: dict[UUID, list[Analysis]] = {}
    for one in done.select_related("ensemble_prediction").prefetch_related("predictions") if studies else ():
        results.setdefault(one.study_id, []).append(one)
    found = ((review, speaking_of(results.get(review.study_id, ()), review.scan.pk)) for review in reviews)
    return {
        review.pk: words.computer(analyses[-1], policy=policies[review.clinic_id])
        for review, analyses in found
        if analyses
    }


def _read_before(reviews: list[Review], reader: User) -> frozenset[UUID]:
    """The studies of further readings in which the reader has a hand already."""
    studies = [review.study_id for review in reviews if review.kind != ReviewKind.FIRST]
    if not studies:
        return frozenset()
    own = Review.objects.filter(study__in=studies, reader=reader, status=ReviewStatus.DECIDED)
    return frozenset(own.values_list("study", flat=True))


def _policies(reviews: Iterable[Review]) -> dict[UUID, ReadingPolicy]:
    clinics = {review.clinic_id: review.clinic for review in reviews}
    known = {policy.clinic_id: policy for policy in ReadingPolicy.objects.filter(clinic__in=clinics)}
    return {pk: known.get(pk) or ReadingPolicy(clinic=clinic) for pk, clinic in clinics.items()}
