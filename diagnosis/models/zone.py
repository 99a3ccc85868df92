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


def upper_threshold(point: Mapping[str, Any]) -> float | None:
    """The second threshold of a stored point, 0 to 1; None where it has one alone.

    A second one of 1 is none: no probability was high enough to count as positive (see ml.spec), and what reaches the
    first is not settled. Where both are the same it is positive.
    """
    upper = point.get("positive_from", point.get("abnormal_from", point["threshold"]))
    return float(upper) if point["threshold"] < upper < 1 else None


def own_point(abnormality: Mapping[str, Any]) -> Mapping[str, Any]:
    """The ensemble's own operating point of a stored answer to "is this lung abnormal?", also where the clinic's
    thresholds were applied in place of it.
    """
    found: Mapping[str, Any] = abnormality.get("own_point") or abnormality["operating_point"]
    return found
