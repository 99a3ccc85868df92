"""The words of an entry: codes of DICOM PS3.16 CID 400 and 401 (code system DCM), which FHIR's AuditEvent uses too."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Event(models.TextChoices):
    """What happened; the values are DCM codes."""

    ACTIVITY = "110100", _("The portal itself")
    TRAIL_USED = "110101", _("Audit trail read")
    INSTANCES_ACCESSED = "110103", _("Image")
    EXPORT = "110106", _("Export or download")
    IMPORT = "110107", _("Upload")
    RECORD = "110110", _("Record")
    QUERY = "110112", _("List or search")
    SECURITY = "110113", _("Security alert")
    AUTHENTICATION = "110114", _("Sign-in")
    LOGIN = "110122", _("Signed in")
    LOGOUT = "110123", _("Signed out")
    EMERGENCY_STARTED = "110127", _("Emergency access begun")
    EMERGENCY_STOPPED = "110138", _("Emergency access ended")
    RIGHTS = "110137", _("Account or permission")


# PS3.16's own English names, for exports.
MEANINGS = {
    Event.ACTIVITY: "Application Activity",
    Event.TRAIL_USED: "Audit Log Used",
    Event.INSTANCES_ACCESSED: "DICOM Instances Accessed",
    Event.EXPORT: "Export",
    Event.IMPORT: "Import",
    Event.RECORD: "Patient Record",
    Event.QUERY: "Query",
    Event.SECURITY: "Security Alert",
    Event.AUTHENTICATION: "User Authentication",
    Event.LOGIN: "Login",
    Event.LOGOUT: "Logout",
    Event.EMERGENCY_STARTED: "Emergency Override Started",
    Event.EMERGENCY_STOPPED: "Emergency Override Stopped",
    Event.RIGHTS: "User Security Attributes Changed",
}


class Action(models.TextChoices):
    """EventActionCode of PS3.15 A.5, which FHIR shares."""

    CREATE = "C", _("created")
    READ = "R", _("looked at")
    UPDATE = "U", _("changed")
    DELETE = "D", _("deleted")
    EXECUTE = "E", _("carried out")


class Outcome(models.TextChoices):
    """EventOutcomeIndicator of PS3.15 A.5, which FHIR shares."""

    SUCCESS = "0", _("done")
    MINOR = "4", _("refused")
    SERIOUS = "8", _("failed")
    MAJOR = "12", _("failed badly")


def parts_of(event: Event) -> tuple[Event, Event | None]:
    """The event and its type: what CID 401 lists is told as a kind of what CID 400 lists."""
    kinds = {
        Event.LOGIN: Event.AUTHENTICATION,
        Event.LOGOUT: Event.AUTHENTICATION,
        Event.RIGHTS: Event.SECURITY,
        Event.EMERGENCY_STARTED: Event.SECURITY,
        Event.EMERGENCY_STOPPED: Event.SECURITY,
    }
    return (kinds[event], event) if event in kinds else (event, None)
