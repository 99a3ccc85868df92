from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedFilter(models.Model):
    """Filters of the reading queue that a person keeps under a name of their own."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters")
    name = models.CharField(_("name"), max_length=40)
    chosen = models.JSONField(help_text="the queue's filters and order in use, by their names in an address")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("saved filter")
        verbose_name_plural = _("saved filters")
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_saved_filter_of_each_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def query(self) -> str:
        """As in the queue's address."""
        return urlencode(self.chosen)
