from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from accounts.models.clinic import Clinic
from accounts.roles import ROLES, Role, role_choices, roles_with

if TYPE_CHECKING:
    from accounts.models.user import User
    from accounts.permissions import Permission


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active(self) -> MembershipQuerySet:
        return self.filter(is_active=True, clinic__is_active=True, user__is_active=True)

    def of(self, user: User) -> MembershipQuerySet:
        return self.filter(user_id=user.pk)

    def holding(self, permission: Permission) -> MembershipQuerySet:
        return self.filter(role__in=roles_with(permission))


class Membership(models.Model):
    """One person's role in one clinic."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=role_choices)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["clinic__name", "user__email"]
        constraints = [models.UniqueConstraint(fields=["user", "clinic"], name="one_role_per_person_and_clinic")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role_class.name} in {self.clinic}"

    @property
    def role_class(self) -> type[Role]:
        return ROLES[self.role]

    @property
    def permissions(self) -> frozenset[Permission]:
        return self.role_class.permissions
