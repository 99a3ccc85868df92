from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

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

    def people(self, permission: Permission, clinic_id: uuid.UUID) -> models.QuerySet[User]:
        """Who holds `permission` in a clinic now, in no order."""
        held = self.active().holding(permission).filter(clinic=clinic_id)
        return get_user_model().objects.filter(pk__in=held.values("user"))


class Membership(models.Model):
    """One person's role in one clinic."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("user")
    )
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("clinic"))
    role = models.CharField(_("role"), max_length=20, choices=role_choices)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["clinic__name", "user__email"]
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["user", "clinic"], name="one_role_per_person_and_clinic")]

    def __str__(self) -> str:
        """For the administration, in the language of whoever reads it."""
        parts = {"person": self.user, "role": self.role_class.name, "clinic": self.clinic}
        return gettext("%(person)s as %(role)s in %(clinic)s") % parts

    def as_text(self) -> str:
        """Clinic and role, for the person themselves."""
        return gettext("%(clinic)s as %(role)s") % {"clinic": self.clinic, "role": self.role_class.name}

    @property
    def role_class(self) -> type[Role]:
        return ROLES[self.role]

    @property
    def permissions(self) -> frozenset[Permission]:
        return self.role_class.permissions
