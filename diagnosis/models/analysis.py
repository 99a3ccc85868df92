from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from diagnosis import messages
from diagnosis.messages import Message
from diagnosis.models.base import ClinicalModel
from diagnosis.models.scan import Scan
from diagnosis.models.state_machine import MachineQuerySet
from diagnosis.models.study import Study, speaks_of
from diagnosis.states import ANALYSIS_MOVES, AnalysisStatus, ends, open_ones

if TYPE_CHECKING:
    from accounts.models import User
    from diagnosis.models.ensemble_prediction import EnsemblePrediction

_S = AnalysisStatus
# Failure codes of what ends without a result because the rules let no classifier answer: the clinic shows none of them,
# or somebody has stopped them.
CLASSIFIERS_OFF, CLASSIFIERS_STOPPED = "classifiers_off", "classifiers_stopped"
FINISHED, OPEN = ends(ANALYSIS_MOVES), open_ones(ANALYSIS_MOVES)
NOBODY: dict[str, Any] = {"claim": None, "lease_expires_at": None}


class Trigger(models.TextChoices):
    UPLOAD = "upload", _("Upload")
    RETRY = "retry", _("Retry after a failure")
    RERUN = "rerun", _("Run again")


class AnalysisQuerySet(MachineQuerySet["Analysis"]):
    moves = ANALYSIS_MOVES
    transition, subject = "Transition", "analysis"
    clinic_path = "study__clinic"
    study_path = "study"

    def visible_to(self, user: User) -> Self:
        """Nothing of a study that was taken back."""
        return super().visible_to(user).filter(study__withdrawal=None)

    def of_image(self, image: Scan) -> Self:
        """Those that saw `image`: of its whole study, or of this image alone."""
        return self.filter(speaks_of(image))

    def newer(self) -> Self:
        """For a subquery: those that replace the outer analysis, later ones of its study."""
        return self.filter(speaks_of(OuterRef("image")), study=OuterRef("study"), number__gt=OuterRef("number"))

    def with_all_images(self) -> Self:
        """Those whose images are all in their study still: what rests on one that was moved away, perhaps to another
        patient, or taken back says nothing of the study any more.
        """
        seen = apps.get_model("diagnosis", "ImageResult").objects.filter(analysis=OuterRef("pk"))
        gone = ~Q(image__series__study=OuterRef("study")) | Q(image__withdrawal__isnull=False)
        return self.filter(~Exists(seen.filter(gone)))

    def waiting(self) -> Self:
        """Those of whole studies that no worker has begun; a study has one at most."""
        return self.filter(status=_S.QUEUED, image=None)

    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def lost(self, now: datetime | None = None) -> Self:
        """Running ones whose worker stopped renewing its lease."""
        return self.filter(status=_S.RUNNING, lease_expires_at__lt=now or timezone.now())

    def unsent(self) -> Self:
        """Queued ones whose message was never sent, or told of a claim that has ended."""
        return self.filter(enqueued_at=None, status=_S.QUEUED)

    def sent_before(self, moment: datetime) -> Self:
        """Queued ones whose message was sent before it: still in the line, or lost."""
        return self.filter(enqueued_at__lt=moment, status=_S.QUEUED)

    def claim(self, pk: uuid.UUID, *, worker: str) -> uuid.UUID | None:
        """Take a queued analysis for `worker`, not before its time. Returns the claim that later moves must show, or
        None.
        """
        claim = uuid.uuid4()
        now = timezone.now()
        taken = self.move(
            pk,
            _S.QUEUED,
            _S.RUNNING,
            by=worker,
            only=Q(not_before=None) | Q(not_before__lte=now),
            claim=claim,
            worker=worker,
            attempts=F("attempts") + 1,
            started_at=now,
            lease_expires_at=now + settings.ANALYSIS_LEASE,
        )
        return claim if taken else None

    def renew(self, pk: uuid.UUID, claim: uuid.UUID) -> bool:
        """Extend the lease; False once the analysis is no longer this claim's."""
        held = self.filter(pk=pk, claim=claim, status=_S.RUNNING)
        return bool(held.update(lease_expires_at=timezone.now() + settings.ANALYSIS_LEASE))

    def release(self, pk: uuid.UUID, *, by: str, only: Q, note: Message | None = None, **changes: Any) -> bool:
        """Give a running analysis back to the queue; the sweep sends it again."""
        return self.move(pk, _S.RUNNING, _S.QUEUED, by=by, note=note, only=only, enqueued_at=None, **NOBODY, **changes)

    def finish(
        self, pk: uuid.UUID, source: _S, target: _S, *, by: str, note: Message | None = None, **changes: Any
    ) -> bool:
        """`move` to a finished state, which stamps the time and frees the claim."""
        return self.move(pk, source, target, by=by, note=note, finished_at=timezone.now(), **NOBODY, **changes)


class Analysis(ClinicalModel):
    """One run of every active classifier over the images of one study. A re-run is a new analysis; none is ever
    overwritten. `image_results` name the images that it saw.
    """

    study = models.ForeignKey(Study, verbose_name=_("study"), on_delete=models.PROTECT, related_name="analyses")
    image = models.ForeignKey(
        Scan,
        verbose_name=_("image"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("the only one it saw, in analyses from before there were studies; else empty"),
    )
    number = models.PositiveIntegerField(_("number"), help_text=_("1 for the study's first analysis"))
    trigger = models.CharField(_("trigger"), max_length=6, choices=Trigger.choices, default=Trigger.UPLOAD)
    status = models.CharField(_("status"), max_length=9, choices=_S.choices, default=_S.QUEUED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("requested by"), on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField(_("requested"), auto_now_add=True)
    not_before = models.DateTimeField(
        _("not before"),
        null=True,
        blank=True,
        help_text=_("until then it waits for further images of its study; empty: it waits for none"),
    )
    enqueued_at = models.DateTimeField(
        _("queued"), null=True, blank=True, help_text=_("when its message was last sent")
    )
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    worker = models.CharField(_("worker"), max_length=120, blank=True)
    claim = models.UUIDField(_("claim"), null=True, blank=True, editable=False)
    lease_expires_at = models.DateTimeField(_("lease expires at"), null=True, blank=True)

    aggregation = models.JSONField(
        _("aggregation"),
        default=dict,
        blank=True,
        help_text=_("how the images' predictions became the study's: method, version, key images, what was left out"),
    )
    without_ensemble_reasons = models.JSONField(
        _("reasons for no combination"),
        default=list,
        blank=True,
        help_text=_("messages that say why the answers were not combined; empty: they were, or nothing was to combine"),
    )

    failure_code = models.CharField(_("failure code"), max_length=40, blank=True)
    failure_params = models.JSONField(
        _("parameters of the failure"), default=dict, blank=True, help_text=_("what fills the code's sentence")
    )
    failure_detail = models.TextField(_("technical reason"), blank=True, help_text=_("for whoever runs the portal"))
    failure_retryable = models.BooleanField(_("trying again may help"), default=False)

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        verbose_name = _("analysis")
        verbose_name_plural = _("analyses")
        ordering = ["-requested_at", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "number"], condition=Q(image=None), name="analysis_number_once_per_study"
            ),
            models.UniqueConstraint(
                fields=["image", "number"], condition=Q(image__isnull=False), name="analysis_number_once_per_image"
            ),
            # One may run over the images that were there when it began, while one waits for those that came since.
            models.UniqueConstraint(
                fields=["study"], condition=Q(status=_S.QUEUED, image=None), name="one_queued_analysis_per_study"
            ),
            models.UniqueConstraint(
                fields=["image"], condition=Q(status__in=OPEN, image__isnull=False), name="one_open_analysis_per_image"
            ),
            models.CheckConstraint(condition=Q(status__in=_S.values), name="analysis_status_known"),
            models.CheckConstraint(
                condition=Q(status=_S.RUNNING, claim__isnull=False, lease_expires_at__isnull=False)
                | (~Q(status=_S.RUNNING) & Q(claim=None, lease_expires_at=None)),
                name="analysis_claimed_while_running",
            ),
            models.CheckConstraint(
                condition=Q(status__in=FINISHED, finished_at__isnull=False) | Q(status__in=OPEN, finished_at=None),
                name="analysis_finished_has_time",
            ),
            models.CheckConstraint(
                condition=(Q(status=_S.FAILED) & ~Q(failure_code="")) | (~Q(status=_S.FAILED) & Q(failure_code="")),
                name="analysis_failed_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "lease_expires_at"]),
            models.Index(fields=["status", "requested_at"]),
            # What ended today, and who works: the pages of oversight.
            models.Index(fields=["finished_at"], name="analysis_finished"),
        ]

    def __str__(self) -> str:
        return gettext("analysis %(number)d of %(scan)s") % {"number": self.number, "scan": self.study_id}

    @property
    def scan(self) -> Scan:
        """The image that stands for what it saw."""
        return self.image or self.study.shown

    @property
    def is_finished(self) -> bool:
        return AnalysisStatus(self.status) in FINISHED

    @property
    def is_switched_off(self) -> bool:
        """Whether it has no result because of what the clinic decided: nothing failed, and nobody has to act."""
        return self.failure_code == CLASSIFIERS_OFF

    @property
    def is_refused(self) -> bool:
        """Whether it has no result because of what the images are: nothing broke, and the same again ends the same."""
        return self.status == AnalysisStatus.FAILED and not self.failure_retryable

    @property
    def needs_a_person(self) -> bool:
        return self.status == AnalysisStatus.FAILED and not self.is_switched_off

    @property
    def failure_reason(self) -> str:
        """For the people of the clinic, in the active language; empty where nothing failed."""
        return messages.reason(self.failure_code, self.failure_params)

    @property
    def without_ensemble(self) -> str:
        """Why the answers were not combined, in the active language; empty: they were, or nothing was to combine."""
        return messages.sentences(self.without_ensemble_reasons)

    @property
    def notes(self) -> list[str]:
        """What to know of its result, such as how many slices were asked about, in the active language."""
        return [messages.sentence(one["code"], one["params"]) for one in self.aggregation.get("notes", ())]

    @property
    def seconds(self) -> float | None:
        """From request to end, in seconds; None while it is open."""
        return (self.finished_at - self.requested_at).total_seconds() if self.finished_at else None

    @property
    def ensemble(self) -> EnsemblePrediction | None:
        """What the ensemble predicts; None where it may not speak. Uses select_related and prefetches."""
        return getattr(self, "ensemble_prediction", None)
