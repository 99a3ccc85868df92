"""The roles of a clinic: readable classes over the one enum of permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext_lazy as _

from accounts.permissions import Permission

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Role:
    slug: ClassVar[str]
    name: ClassVar[StrOrPromise]
    description: ClassVar[StrOrPromise]
    permissions: ClassVar[frozenset[Permission]]


class Radiographer(Role):
    slug = "radiographer"
    name = _("Radiographer")
    description = _("Takes the images: registers patients, uploads scans, follows their analyses.")
    permissions = frozenset(
        {
            Permission.VIEW_PATIENT,
            Permission.EDIT_PATIENT,
            Permission.UPLOAD_SCAN,
            Permission.MATCH_STUDY,
            Permission.FOLLOW_ORDER,
            Permission.VIEW_RESULT,
            Permission.REQUEST_ANALYSIS,
        }
    )


class Clinician(Role):
    slug = "clinician"
    name = _("Clinician")
    description = _("Treats the patient: uploads scans and reads results beside earlier ones.")
    permissions = frozenset(
        {
            Permission.VIEW_PATIENT,
            Permission.EDIT_PATIENT,
            Permission.UPLOAD_SCAN,
            Permission.VIEW_RESULT,
            Permission.REQUEST_ANALYSIS,
        }
    )


class Trainee(Role):
    slug = "trainee"
    name = _("Radiologist in training")
    description = _("Learns to read: reviews scans and drafts reports, which a radiologist authorises. Does not sign.")
    permissions = Clinician.permissions | {Permission.REVIEW_SCAN}


class Radiologist(Role):
    slug = "radiologist"
    name = _("Radiologist")
    description = _("Reads the images: reviews scans, signs reports and authorises those of radiologists in training.")
    permissions = Clinician.permissions | {Permission.REVIEW_SCAN, Permission.SIGN_REPORT}


class Administrator(Role):
    slug = "administrator"
    name = _("Administrator")
    description = _("Runs the clinic: its staff, its settings, its queue. Does not read or sign.")
    permissions = frozenset(
        {
            Permission.VIEW_PATIENT,
            Permission.EDIT_PATIENT,
            Permission.MATCH_STUDY,
            Permission.FOLLOW_ORDER,
            Permission.VIEW_RESULT,
            Permission.REQUEST_ANALYSIS,
            Permission.MANAGE_STAFF,
            Permission.MANAGE_CLINIC,
            Permission.MANAGE_DELIVERY,
            Permission.EXPORT_DEIDENTIFIED,
        }
    )


_ALL = (Radiographer, Clinician, Trainee, Radiologist, Administrator)
ROLES: dict[str, type[Role]] = {role.slug: role for role in _ALL}


def role_choices() -> list[tuple[str, StrOrPromise]]:
    """Slug and name of each role. A function, so that the field names it and a new role needs no migration."""
    return [(slug, role.name) for slug, role in ROLES.items()]


def roles_with(permission: Permission) -> list[str]:
    """Slugs of the roles that hold `permission`."""
    return [slug for slug, role in ROLES.items() if permission in role.permissions]
