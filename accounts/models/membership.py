from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models.signals import pre_save
from django.dispatch import receiver
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
    # Of those alone a later sign-in may take it back: see accounts/arrivals.py.
    from_claims = models.BooleanField(
        _("follows the groups of single sign-on"),
        default=False,
        db_default=False,
        help_text=_("It ends when the person leaves the group. A change made here makes it the clinic’s own again."),
    )
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


@receiver(pre_save, sender=Membership)
def keep_what_was_decided_here(instance: Membership, **_kwargs: Any) -> None:
    """Whoever changes a role in the administration, ends it or moves it, has decided: no group undoes that."""
    if not instance.from_claims or instance._state.adding:
        return
    decided = {name: getattr(instance, name) for name in ("role", "is_active", "clinic_id", "user_id")}
    if not Membership.objects.filter(pk=instance.pk, **decided).exists():
        instance.from_claims = False
