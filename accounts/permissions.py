"""What a member of staff may do. Roles are sets of these; views and actions ask for one of them by name."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models import Clinic, User


class Permission(StrEnum):
    VIEW_PATIENT = "view patients and their history"
    EDIT_PATIENT = "register patients and correct their records"
    UPLOAD_SCAN = "upload scans"
    MATCH_STUDY = "match received studies to patients"
    FOLLOW_ORDER = "follow and cancel orders"
    VIEW_RESULT = "read results"
    REQUEST_ANALYSIS = "start, retry or cancel an analysis"
    REVIEW_SCAN = "review scans"
    SIGN_REPORT = "sign reports"
    MANAGE_STAFF = "manage the clinic's staff"
    MANAGE_CLINIC = "manage the clinic's settings and queue"
    MANAGE_DELIVERY = "manage what goes out and whereto"
    EXPORT_DEIDENTIFIED = "export images without names"


REFUSALS = {
    Permission.VIEW_PATIENT: _("Your role in %(clinic)s does not allow you to view patients and their history."),
    Permission.EDIT_PATIENT: _(
        "Your role in %(clinic)s does not allow you to register patients or to correct their records."
    ),
    Permission.UPLOAD_SCAN: _("Your role in %(clinic)s does not allow you to upload scans."),
    Permission.MATCH_STUDY: _("Your role in %(clinic)s does not allow you to match received studies to patients."),
    Permission.FOLLOW_ORDER: _("Your role in %(clinic)s does not allow you to follow or to cancel orders."),
    Permission.VIEW_RESULT: _("Your role in %(clinic)s does not allow you to read results."),
    Permission.REQUEST_ANALYSIS: _("Your role in %(clinic)s does not allow you to start, retry or cancel an analysis."),
    Permission.REVIEW_SCAN: _("Your role in %(clinic)s does not allow you to review scans."),
    Permission.SIGN_REPORT: _("Your role in %(clinic)s does not allow you to sign reports."),
    Permission.MANAGE_STAFF: _("Your role in %(clinic)s does not allow you to manage the clinic’s staff."),
    Permission.MANAGE_CLINIC: _(
        "Your role in %(clinic)s does not allow you to manage the clinic’s settings and queue."
    ),
    Permission.MANAGE_DELIVERY: _(
        "Your role in %(clinic)s does not allow you to manage what goes out of the clinic and whereto."
    ),
    Permission.EXPORT_DEIDENTIFIED: _("Your role in %(clinic)s does not allow you to export images without names."),
}


def allowed(user: User, permission: Permission, clinic: Clinic) -> bool:
    """Whether `user` holds `permission` in `clinic` through an active membership."""
    return permission in user.permissions_in(clinic)


def runs_site(user: User) -> bool:
    """Whether `user` looks after the installation as a whole, with all its clinics."""
    return user.is_active and user.is_staff and user.is_superuser


def require(user: User, permission: Permission, clinic: Clinic) -> None:
    """Raise PermissionDenied, with a sentence for the person, unless `allowed`."""
    if not allowed(user, permission, clinic):
        raise PermissionDenied(REFUSALS[permission] % {"clinic": clinic})
