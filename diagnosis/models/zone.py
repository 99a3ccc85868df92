from django.db import models


class Zone(models.TextChoices):
    """Where a probability lies between the two thresholds of an operating point. Values equal ml.spec.Zone's."""

    NEGATIVE = "negative", "Negative"
    INDETERMINATE = "indeterminate", "Indeterminate"
    POSITIVE = "positive", "Positive"
