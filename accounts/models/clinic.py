from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.locale import validate_language, validate_time_zone

if TYPE_CHECKING:
    from accounts.models.user import User
    from accounts.permissions import Permission


class ClinicQuerySet(models.QuerySet["Clinic"]):
    def where(self, user: User, permission: Permission) -> ClinicQuerySet:
        """The clinics in which `user` holds `permission`."""
        return self.filter(pk__in=user.memberships.active().holding(permission).values("clinic"))

    def visible_to(self, user: User) -> ClinicQuerySet:
        """The clinics in which `user` works."""
        return self.filter(pk__in=user.memberships.active().values("clinic"))


class Clinic(models.Model):
    """A place of care. Patients, scans and staff roles belong to one clinic."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120, unique=True)
    is_active = models.BooleanField(_("active"), default=True)
    language = models.CharField(
        _("language"),
        max_length=16,
        blank=True,
        validators=[validate_language],
        help_text=_("For those who chose none themselves. Empty: as each browser asks."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=_("For those who chose none themselves. Empty: the portal’s."),
    )
    # Slugs of roles.
    second_factor_roles = models.JSONField(_("roles that must have a second factor"), default=list, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = ClinicQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("clinic")
        verbose_name_plural = _("clinics")

    def __str__(self) -> str:
        return self.name
