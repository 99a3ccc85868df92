from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Modality(models.TextChoices):
    """Values equal ml.spec.Modality's."""

    CXR = "cxr", _("Chest X-ray")
    CT = "ct", _("Chest CT")

    @property
    def comes_in_series(self) -> bool:
        """Whether a file is one slice of several that are read together."""
        return self is Modality.CT
