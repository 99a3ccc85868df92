"""How the last backup ended, in words for whoever oversees the portal."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

TITLES = {
    "off": gettext_lazy("The portal makes no backups"),
    "never": gettext_lazy("No backup has been made yet"),
    "good": gettext_lazy("The last backup is good"),
    "late": gettext_lazy("The last good backup is older than 26 hours"),
    "failed": gettext_lazy("The last backup failed"),
}
SENTENCES = {
    "off": gettext_lazy(
        "Whoever runs the portal sets BACKUP_ROOT and BACKUP_RECIPIENTS, or backs it up by other means."
    ),
    "never": gettext_lazy("The first one is made within a day. Tell whoever runs the portal if this stays."),
    "good": "",
    "late": gettext_lazy("None has been made since. Tell whoever runs the portal to look at beat and worker."),
}
# By the code of BackupFailed.
FAILURES = {
    "disk_full": gettext_lazy("The disk is full. Older backups are still there; whoever runs the portal makes room."),
    "no_recipients": gettext_lazy("BACKUP_RECIPIENTS names no valid key, so nobody could open a backup."),
    "program": gettext_lazy(
        "The database’s own program for backups is missing, too old or failed; the log has details."
    ),
    "place": gettext_lazy("BACKUP_ROOT names a folder that cannot be used."),
    "gone": gettext_lazy("BACKUP_ROOT holds no earlier backup any more: the disk may not be mounted."),
    "clock": gettext_lazy("The clock of the server is behind the last backup."),
    "interrupted": gettext_lazy("It was stopped before it ended, and is tried again."),
}


def title(status: str, unsound: int) -> str:
    if status == "good" and unsound:
        return ngettext(
            "%(number)d file is missing on the disk or was changed there",
            "%(number)d files are missing on the disk or were changed there",
            unsound,
        ) % {"number": unsound}
    return str(TITLES[status])


def sentence(status: str, code: str, unsound: int) -> str:
    if status == "failed":
        return str(FAILURES.get(code, gettext_lazy("The log of the worker has the reason.")))
    if status == "good" and unsound:
        return _("The last backup found it. An older backup may hold them; tell whoever runs the portal.")
    return str(SENTENCES[status])
