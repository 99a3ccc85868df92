"""What a member of staff may do. Roles are sets of these; views and actions ask for one of them by name."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

if TYPE_CHECKING:
    from accounts.models import Clinic, User


class Permission(StrEnum):
    VIEW_PATIENT = "view patients and their history"
    EDIT_PATIENT = "register patients and correct their records"
    UPLOAD_SCAN = "upload scans"
    VIEW_RESULT = "read results"
    REQUEST_ANALYSIS = "start, retry or cancel an analysis"
    REVIEW_SCAN = "review scans"
    SIGN_REPORT = "sign reports"
    MANAGE_STAFF = "manage the clinic's staff"
    MANAGE_CLINIC = "manage the clinic's settings and queue"


def allowed(user: User, permission: Permission, clinic: Clinic) -> bool:
    """Whether `user` holds `permission` in `clinic` through an active membership."""
    return permission in user.permissions_in(clinic)


def require(user: User, permission: Permission, clinic: Clinic) -> None:
    """Raise PermissionDenied, with a sentence for the person, unless `allowed`."""
    if not allowed(user, permission, clinic):
        raise PermissionDenied(f"Your role in {clinic} does not allow you to {permission.value}.")
