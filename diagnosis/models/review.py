from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Clinic, User
from accounts.permissions import Permission
from diagnosis.models.agreement import Agreement
from diagnosis.models.base import ClinicalModel
from diagnosis.models.scan import Scan
from diagnosis.models.state_machine import MachineQuerySet
from diagnosis.models.study import Study, speaks_of
from diagnosis.models.zone import Zone
from diagnosis.states import REVIEW_MOVES, ReviewStatus

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_S = ReviewStatus
# Not read yet: waiting, or in somebody's hands.
OPEN = (_S.WAITING, _S.CLAIMED)


class ReviewKind(models.TextChoices):
    FIRST = "first", _("First reading")
    SECOND = "second", _("Second reading")
    ARBITRATION = "arbitration", _("Arbitration")


class Category(models.TextChoices):
    """The structured reading: RSNA's four for chest CT (Simpson et al. 2020), used alike for the chest X-ray."""

    TYPICAL = "typical", _("Typical appearance of COVID-19 pneumonia")
    INDETERMINATE = "indeterminate", _("Indeterminate appearance")
    ATYPICAL = "atypical", _("Atypical appearance: another diagnosis is more likely")
    NEGATIVE = "negative", _("Negative for pneumonia")


class ImageQuality(models.TextChoices):
    GOOD = "good", _("Good")
    LIMITED = "limited", _("Limited but readable")
    UNREADABLE = "unreadable", _("Not readable: repeat the examination")


class Decision(models.TextChoices):
    """The reader's stand on the classifiers' result."""

    AGREE = "agree", _("Agrees with the classifiers")
    OVERRIDE = "override", _("Overrides the classifiers")
    NO_RESULT = "no_result", _("Read without a classifiers' result")


class OverrideReason(models.TextChoices):
    FALSE_POSITIVE = "false_positive", _("No such finding on the image")
    FALSE_NEGATIVE = "false_negative", _("A finding was missed")
    OTHER_DISEASE = "other_disease", _("The finding is another disease")
    ARTEFACT = "artefact", _("The classifiers reacted to an artefact or device")
    IMAGE_QUALITY = "image_quality", _("The image does not support the conclusion")
    CLINICAL = "clinical", _("Clinical information says otherwise")


# After "because:" and the like. Not made from the labels: languages differ in which words are capitalised.
_BECAUSE: Mapping[str, StrOrPromise] = {
    OverrideReason.FALSE_POSITIVE: pgettext_lazy("why a result is overridden", "no such finding on the image"),
    OverrideReason.FALSE_NEGATIVE: pgettext_lazy("why a result is overridden", "a finding was missed"),
    OverrideReason.OTHER_DISEASE: pgettext_lazy("why a result is overridden", "the finding is another disease"),
    OverrideReason.ARTEFACT: pgettext_lazy(
        "why a result is overridden", "the classifiers reacted to an artefact or device"
    ),
    OverrideReason.IMAGE_QUALITY: pgettext_lazy(
        "why a result is overridden", "the image does not support the conclusion"
    ),
    OverrideReason.CLINICAL: pgettext_lazy("why a result is overridden", "clinical information says otherwise"),
}


class Mark(models.TextChoices):
    """Why a result wants a person's eye more than others; each stands on the review of its scan.

    ATTENTION_OUTSIDE stands on earlier ones alone: nobody could show that it tells a wrong result (ADR 0224).
    """

    DISAGREEMENT = "disagreement", _("Classifiers disagree")
    INDETERMINATE = "indeterminate", _("Indeterminate")
    ATTENTION_OUTSIDE = "attention_outside", _("Attention outside the lungs")


# What the reader was asked about: their stand says one thing of the result and their category the other.
_CONTRADICTS = Q(decision=Decision.AGREE, agreement=Agreement.DIFFERS) | Q(
    decision=Decision.OVERRIDE, agreement=Agreement.AGREES
)


class ReviewQuerySet(MachineQuerySet["Review"]):
    moves = REVIEW_MOVES
    transition, subject = "ReviewTransition", "review"
    study_path = "study"

    def open_to(self, reader: User) -> Self:
        """Those that `reader` may read: never a scan that the same person already has a hand in.

        A further opinion on a colleague's reading is for those who sign.
        """
        signs = Clinic.objects.where(reader, Permission.SIGN_REPORT)
        own = Review.objects.filter(reader=reader, status__in=(_S.CLAIMED, _S.DECIDED), study=OuterRef("study"))
        return self.filter(Q(kind=ReviewKind.FIRST) | ~Exists(own.exclude(pk=OuterRef("pk"))) & Q(clinic__in=signs))

    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def expired(self, now: datetime | None = None) -> Self:
        """Claimed ones whose readers went away without giving them back."""
        return self.filter(status=_S.CLAIMED, lease_expires_at__lt=now or timezone.now())

    def of_image(self, image: Scan) -> Self:
        """Those that cover `image`: readings of its study, or of this image alone."""
        return self.filter(speaks_of(image))

    def held_by(self, reader: User) -> Self:
        return self.filter(status=_S.CLAIMED, reader=reader)

    def in_order(self) -> Self:
        """The queue's order; `due_at` holds every weight."""
        return self.order_by("due_at", "id")


class Review(ClinicalModel):
    """One reading of one study by one person: waits in the queue, is claimed with a lease, and ends in a decision."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="reviews")
    image = models.ForeignKey(
        Scan,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the only one it covers, in readings from before there were studies; else empty",
    )
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="reviews")
    kind = models.CharField(max_length=11, choices=ReviewKind.choices, default=ReviewKind.FIRST)
    status = models.CharField(max_length=9, choices=_S.choices, default=_S.WAITING)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    # Place in the queue
    urgent = models.BooleanField(default=False)
    suspicion = models.FloatField(
        null=True,
        blank=True,
        help_text="probability of the combination, else the classifiers' highest, 0 to 1; none yet: empty",
    )
    disagreement = models.FloatField(default=0, help_text="0: classifiers unanimous; 1: half against half")
    share_above = models.FloatField(
        null=True, blank=True, help_text="share of the classifiers above their operating point, 0 to 1; none yet: empty"
    )
    zone = models.CharField(
        max_length=13,
        choices=Zone.choices,
        blank=True,
        default="",
        help_text="of the result as a whole; none: empty",
    )
    marks = models.JSONField(
        default=list, blank=True, help_text="the codes of what wants a person's eye in the result; see Mark"
    )
    waiting_since = models.DateTimeField()
    due_at = models.DateTimeField(help_text="when it began to wait, moved back by the weights; the queue's order")

    # Who holds it
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="reviews"
    )
    claim = models.UUIDField(null=True, blank=True, editable=False)
    claimed_at = models.DateTimeField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)

    # What was decided: who (reader), when and what, together or not at all
    decision = models.CharField(max_length=9, choices=Decision.choices, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    category = models.CharField(max_length=13, choices=Category.choices, blank=True)
    override_reason = models.CharField(max_length=14, choices=OverrideReason.choices, blank=True)
    override_note = models.TextField(blank=True, max_length=2000)
    agreement = models.CharField(
        max_length=7,
        choices=Agreement.choices,
        blank=True,
        default="",
        help_text="category against result, derived when deciding; from before the check, or no result: empty",
    )
    contradiction_reason = models.TextField(
        blank=True,
        default="",
        max_length=1000,
        help_text="why category and decision both hold although they contradict each other; else empty",
    )
    image_quality = models.CharField(max_length=10, choices=ImageQuality.choices, blank=True)
    indication = models.TextField(blank=True, default="", max_length=2000)
    technique = models.TextField(blank=True, default="", max_length=1000)
    comparison = models.TextField(blank=True, default="", max_length=1000)
    findings = models.TextField(blank=True, max_length=8000)
    coded_findings = models.JSONField(default=list, blank=True, help_text="see diagnosis.models.finding")
    impression = models.TextField(blank=True, max_length=4000)
    is_key_image = models.BooleanField(default=False)
    analysis = models.ForeignKey(
        "diagnosis.Analysis",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the analysis whose result the reader saw when deciding",
    )

    objects = ReviewQuerySet.as_manager()

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "kind"], condition=Q(status__in=OPEN), name="one_open_review_of_each_kind_per_study"
            ),
            models.UniqueConstraint(
                fields=["image", "kind"],
                condition=Q(image__isnull=False),
                name="one_review_of_each_kind_per_image",
            ),
            models.CheckConstraint(condition=Q(status__in=_S.values), name="review_status_known"),
            models.CheckConstraint(condition=Q(zone__in=("", *Zone.values)), name="review_zone_known"),
            models.CheckConstraint(
                condition=(
                    Q(status=_S.CLAIMED, reader__isnull=False, claim__isnull=False)
                    & Q(claimed_at__isnull=False, lease_expires_at__isnull=False)
                )
                | (~Q(status=_S.CLAIMED) & Q(claim=None, lease_expires_at=None)),
                name="review_claimed_by_somebody",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status=_S.DECIDED, decided_at__isnull=False, reader__isnull=False)
                    & ~Q(decision="")
                    & ~Q(category="")
                    & ~Q(image_quality="")
                )
                | (~Q(status=_S.DECIDED) & Q(decided_at=None, decision="", category="")),
                name="review_decided_who_when_what",
            ),
            models.CheckConstraint(
                condition=Q(decision=Decision.OVERRIDE) & ~Q(override_reason="")
                | ~Q(decision=Decision.OVERRIDE) & Q(override_reason=""),
                name="review_override_has_reason",
            ),
            models.CheckConstraint(condition=Q(agreement__in=("", *Agreement.values)), name="review_agreement_known"),
            models.CheckConstraint(
                condition=_CONTRADICTS & ~Q(contradiction_reason="") | ~_CONTRADICTS & Q(contradiction_reason=""),
                name="review_contradiction_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "status", "due_at", "id"], name="review_queue"),
            models.Index(fields=["reader", "status"], name="review_reader"),
            # The queue's page reads waiting and claimed cases in one order; the sweep of leases reads claimed ones.
            models.Index(fields=["clinic", "due_at", "id"], name="review_open", condition=Q(status__in=OPEN)),
            # The numbers above the queue come from the index alone.
            models.Index(
                fields=["clinic", "status", "kind", "urgent", "waiting_since"],
                name="review_numbers",
                condition=Q(status__in=OPEN),
            ),
            # Who has waited longest.
            models.Index(fields=["clinic", "waiting_since", "id"], name="review_longest", condition=Q(status__in=OPEN)),
            # The order of the API, which lists those that were read too.
            models.Index(fields=["clinic", "waiting_since", "id"], name="review_newest"),
            # Those whose reports want a second look: a few of many.
            models.Index(
                fields=["decided_at", "id"], name="review_contradicted", condition=Q(agreement=Agreement.DIFFERS)
            ),
            models.Index(fields=["lease_expires_at"], name="review_lease", condition=Q(status=_S.CLAIMED)),
            models.Index(fields=["clinic", "decided_at"], name="review_decided"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.study_id}"

    @property
    def scan(self) -> Scan:
        """The image that stands for what is read."""
        return self.image or self.study.shown

    @property
    def because(self) -> str:
        """Why the classifiers are overridden, as words inside a sentence; empty where they are not."""
        return str(_BECAUSE[self.override_reason]) if self.override_reason else ""

    def is_held_by(self, user: User) -> bool:
        return self.status == _S.CLAIMED and self.reader_id == user.pk


class Draft(models.Model):
    """What a reader has typed so far. Belongs to the reader, so it survives a lease that ended."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="drafts")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    content = models.JSONField(default=dict)
    saved_at = models.DateTimeField(auto_now=True)
    # Whose words these are: requests of one page, and of pages after it, may arrive in any order.
    page_opened_at = models.DateTimeField(null=True, blank=True, help_text="when the page that sent it was made")
    turn = models.PositiveIntegerField(default=0, help_text="how many times that page had changed by then")

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        constraints = [models.UniqueConstraint(fields=["review", "reader"], name="one_draft_per_reader")]

    def __str__(self) -> str:
        return f"draft of {self.review_id}"


class FirstImpression(models.Model):
    """What a reader thought before the classifiers' result was shown. Written once, compared with the decision."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="first_impressions")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    category = models.CharField(max_length=13, choices=Category.choices)
    committed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("first impression")
        verbose_name_plural = _("first impressions")
        constraints = [models.UniqueConstraint(fields=["review", "reader"], name="one_first_impression_per_reader")]

    def __str__(self) -> str:
        return f"{self.get_category_display()} (before the result)"
