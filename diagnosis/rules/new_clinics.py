"""What a clinic starts with: no answers of classifiers that are for research only."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models import Clinic
from diagnosis.models import ClassifierRule
from diagnosis.models.classifier_rule import ClassifierState, RuleReason
from diagnosis.models.modality import Modality
from diagnosis.rules.classifiers import panel_name


@receiver(post_save, sender=Clinic)
def _switch_off(instance: Clinic, created: bool, raw: bool = False, **_: Any) -> None:
    """By whichever door a clinic is made; a row that is restored from a copy is none that is made."""
    if not created or raw:
        return
    ClassifierRule.objects.bulk_create(
        ClassifierRule(
            clinic=instance,
            subject=panel_name(modality),
            state=ClassifierState.OFF,
            reason_code=RuleReason.RESEARCH_ONLY,
        )
        for modality in Modality
        if modality.value in settings.NEW_CLINICS_WITHOUT
    )
