"""What a reader may not see yet, so that neither a classifier nor a colleague reads for them. One rule for every page.

The classifiers' result of a study is hidden from those who may be given the study to read and who read first (their
clinic asks for it, or they chose it), until they have committed a first impression of it or it has been read. A clinic
may hide it from everybody else too, until a person has read the study.

Both are hidden from whoever has taken a second look at a signed report, until that is decided.

The readings of a study are hidden from everybody who may become its second reader, while the second reading is open.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from accounts.models import Clinic, Membership, User
from accounts.permissions import Permission
from diagnosis.models import FirstImpression, ReadingPreference, Review, SecondLook, Study
from diagnosis.models.reading_policy import ReadFirst
from diagnosis.models.review import OPEN, ReviewKind
from diagnosis.states import ReviewStatus

RESULT_HIDDEN = gettext_noop(
    "The classifiers' result is hidden from you until you have committed your first impression of this scan."
)
HIDDEN_UNTIL_READ = gettext_noop(
    "This clinic shows the classifiers' result of a study only after a person has read it."
)
READING_HIDDEN = gettext_noop(
    "A second reading of this scan is open. The first one is hidden from everybody who may still read it."
)


def hidden_results(user: User) -> QuerySet[Study]:
    """Studies whose classifiers' result `user` may not see now."""
    unread = Q(_unread_by(user), clinic__in=hiding_clinics(user)) | _unread_by_all(user)
    return Study.objects.filter(unread | _looked_at_by(user))


def hidden_readings(user: User) -> QuerySet[Study]:
    """Studies whose readings and report `user` may not see now. A reading tells of the result, so it hides with it."""
    second = Review.objects.filter(study=OuterRef("pk"), status__in=OPEN, kind=ReviewKind.SECOND)
    blind = Q(Exists(second), ~Exists(_decided_by(user)), clinic__in=_reading_clinics(user))
    return Study.objects.filter(blind | Q(_unread_by(user), clinic__in=hiding_clinics(user)) | _looked_at_by(user))


def results_held_back() -> QuerySet[Study]:
    """Studies whose classifiers' result is hidden from anybody of their clinic now.

    An archive shows it to everybody who opens the study, so it does not get it before the last of them may see it.
    """
    waiting = Exists(Review.objects.filter(study=OuterRef("pk"), status__in=OPEN))
    decided = Exists(Review.objects.filter(study=OuterRef("pk"), status=ReviewStatus.DECIDED))
    looking = Exists(SecondLook.objects.filter(report__study=OuterRef("pk"), decided_at=None))
    until_read = Q(clinic__reading_policy__hide_until_read=True)
    return Study.objects.filter(looking | waiting & (until_read | _somebody_reads_first()) | ~decided & until_read)


def _somebody_reads_first() -> Q:
    """Of a study: its clinic wants a first impression of everybody, or leaves it to readers of whom one chose it."""
    choosing = Membership.objects.active().holding(Permission.REVIEW_SCAN)
    chosen = Exists(choosing.filter(clinic=OuterRef("clinic"), user__reading_preference__read_first=True))
    by_choice = Q(clinic__reading_policy=None) | Q(clinic__reading_policy__read_first=ReadFirst.READER)
    return Q(clinic__reading_policy__read_first=ReadFirst.ALWAYS) | Q(by_choice, chosen)


def hiding_clinics(user: User) -> QuerySet[Clinic]:
    """The clinics in which `user` reads and commits a first impression before the result is shown."""
    chosen = Exists(ReadingPreference.objects.filter(user=user.pk, read_first=True))
    by_choice = Q(reading_policy=None) | Q(reading_policy__read_first=ReadFirst.READER)
    always = Q(reading_policy__read_first=ReadFirst.ALWAYS) | Q(reading_policy__hide_until_read=True)
    return _reading_clinics(user).filter(always | by_choice & chosen)


def hides_result(user: User, study: UUID) -> bool:
    """Whether the result of the study with this key is hidden."""
    return hidden_results(user).filter(pk=study).exists()


def hides_reading(user: User, study: UUID) -> bool:
    """Whether the readings of the study with this key are hidden."""
    return hidden_readings(user).filter(pk=study).exists()


def results_hidden_among(user: User, studies: Iterable[UUID]) -> frozenset[UUID]:
    """Those of the keys `studies` whose result is hidden; one query for a whole list, none for an empty one."""
    keys = set(studies)
    return frozenset(hidden_results(user).filter(pk__in=keys).values_list("pk", flat=True) if keys else ())


def readings_hidden_among(user: User, studies: Iterable[UUID]) -> frozenset[UUID]:
    """Those of the keys `studies` whose readings are hidden; one query for a whole list, none for an empty one."""
    keys = set(studies)
    return frozenset(hidden_readings(user).filter(pk__in=keys).values_list("pk", flat=True) if keys else ())


def _looked_at_by(user: User) -> Q:
    """Of a study: `user` has taken a second look at it and not decided yet."""
    return Q(Exists(SecondLook.objects.filter(report__study=OuterRef("pk"), reader=user.pk, decided_at=None)))


def _reading_clinics(user: User) -> QuerySet[Clinic]:
    return Clinic.objects.where(user, Permission.REVIEW_SCAN)


# Each asks of one study by an index, so that a list costs what its rows cost: with both ways to have an opinion in one
# subquery, PostgreSQL reads all that the clinic ever read, and then looks for the rows of the list in it.
def _unread_by(user: User) -> Q:
    """Of a study: it waits to be read, and `user` has not yet said what they think of it, at first sight or at last."""
    waiting = Review.objects.filter(study=OuterRef("pk"), status__in=OPEN)
    committed = FirstImpression.objects.filter(review__study=OuterRef("pk"), reader=user.pk)
    return Q(Exists(waiting), ~Exists(_decided_by(user)), ~Exists(committed))


def _unread_by_all(user: User) -> Q:
    """Of a study of a clinic that hides results from everybody until a person has read: nobody has, not even `user`."""
    decided = Review.objects.filter(study=OuterRef("pk"), status=ReviewStatus.DECIDED)
    committed = FirstImpression.objects.filter(review__study=OuterRef("pk"), reader=user.pk)
    return Q(~Exists(decided), ~Exists(committed), clinic__reading_policy__hide_until_read=True)


def _decided_by(user: User) -> QuerySet[Review]:
    return Review.objects.filter(study=OuterRef("pk"), reader=user.pk, status=ReviewStatus.DECIDED)
