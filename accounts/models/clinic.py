from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from accounts.models.user import User
    from accounts.permissions import Permission


class ClinicQuerySet(models.QuerySet["Clinic"]):
    def where(self, user: User, permission: Permission) -> ClinicQuerySet:
        """The clinics in which `user` holds `permission`."""
        from accounts.models.membership import Membership

        held = Membership.objects.active().of(user).holding(permission)
        return self.filter(pk__in=held.values("clinic"))

    def visible_to(self, user: User) -> ClinicQuerySet:
        """The clinics in which `user` works."""
        from accounts.models.membership import Membership

        return self.filter(pk__in=Membership.objects.active().of(user).values("clinic"))


class Clinic(models.Model):
    """A place of care. Patients, scans and staff roles belong to one clinic."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ClinicQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
