from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Zone(models.TextChoices):
    """Where a probability lies between the two thresholds of an operating point. Values equal ml.spec.Zone's."""

    NEGATIVE = "negative", _("Negative")
    INDETERMINATE = "indeterminate", _("Indeterminate")
    POSITIVE = "positive", _("Positive")


def has_zones(point: Mapping[str, Any]) -> bool:
    """Whether a stored operating point has two thresholds; with one there is no indeterminate zone to speak of."""
    return bool(point.get("positive_from", point["threshold"]) > point["threshold"])
