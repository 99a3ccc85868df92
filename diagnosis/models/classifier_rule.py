from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Max, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic


class ClassifierState(models.TextChoices):
    """What becomes of a classifier's answers, from the freest state to the strictest."""

    ACTIVE = "active", _("Active")
    SHADOW = "shadow", _("On trial")
    OFF = "off", _("Off")
    STOPPED = "stopped", _("Stopped")

    @property
    def strictness(self) -> int:
        return list(ClassifierState).index(self)


class RuleReason(models.TextChoices):
    """Reasons that the portal gives itself, so that they are told in each reader's language."""

    IN_USE = "in_use", _("In use before there were such rules")
    RESEARCH_ONLY = "research", _("For research only: on whole examinations it was not shown to find disease")


class ClassifierRuleQuerySet(models.QuerySet["ClassifierRule"]):
    def concerning(self, clinic: UUID | None) -> Self:
        """Those of the whole installation and, if given, of one clinic."""
        return self.filter(Q(clinic=None) | Q(clinic=clinic) if clinic else Q(clinic=None))

    def standing(self) -> Self:
        """The latest for each clinic and subject; one that is not the latest is history."""
        latest: Any = self.order_by().values("clinic", "subject").annotate(latest=Max("pk")).values("latest")
        return self.filter(pk__in=latest)


class ClassifierRule(models.Model):
    """What was decided about a classifier, or about all of a modality, in one clinic or (`clinic` empty) everywhere.

    Written once and never changed: the latest row of a clinic and subject counts. `subject` is a classifier's name, or
    that of a modality's panel, such as panel-ct, which means every classifier of the modality. Or it is the identity
    of a version that is not installed any more, such as vgg16-cxr/1.0.0: whether its results of before are marked.
    """

    clinic = models.ForeignKey(
        Clinic, null=True, blank=True, on_delete=models.PROTECT, related_name="classifier_rules", help_text="else all"
    )
    subject = models.CharField(max_length=60)
    version = models.CharField(
        max_length=20, blank=True, help_text="the one installed then; empty: of a panel, or none was installed"
    )
    state = models.CharField(max_length=7, choices=ClassifierState.choices)
    reason = models.TextField(_("reason"), blank=True, help_text="in a person's words")
    reason_code = models.CharField(max_length=8, choices=RuleReason.choices, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="or none"
    )
    made_at = models.DateTimeField(auto_now_add=True)

    objects = ClassifierRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("rule for a classifier")
        verbose_name_plural = _("rules for classifiers")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ClassifierState.values), name="classifier_rule_state_known"),
            models.CheckConstraint(condition=~Q(reason="", reason_code=""), name="classifier_rule_has_reason"),
        ]
        indexes = [models.Index(fields=["clinic", "subject", "-id"], name="classifier_rule_latest")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.state}"

    @property
    def name(self) -> str:
        """Of the classifier or panel, without a version."""
        return self.subject.partition("/")[0]

    @property
    def because(self) -> str:
        """Why, in the active language where the portal gave the reason itself."""
        return self.reason or str(RuleReason(self.reason_code).label)
