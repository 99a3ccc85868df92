"""What the portal does by itself, and how often."""

from typing import Any

from celery.schedules import crontab


def entries(*, sweep_seconds: int, backups: bool = False) -> dict[str, Any]:
    """Celery’s beat schedule. Each entry expires before its next turn: a queue that stood still runs it once."""
    made: dict[str, Any] = {
        "delete-old-drawings": {
            "task": "diagnosis.tasks.delete_old_drawings",
            "schedule": 600,
            "options": {"expires": 600},
        },
        "erase-deleted": {
            "task": "diagnosis.tasks.erase_deleted",
            "schedule": 600.0,
            "options": {"expires": 600},
        },
        "sweep-orphans": {
            "task": "diagnosis.tasks.sweep_orphans",
            "schedule": 6 * 3600.0,
            "options": {"expires": 3600},
        },
        "sweep-analyses": {
            "task": "diagnosis.tasks.sweep_analyses",
            "schedule": sweep_seconds,
            # A sweep that waited longer than one round is worth nothing: the next one does its work.
            "options": {"expires": sweep_seconds},
        },
        "mail-notifications": {
            "task": "diagnosis.tasks.mail_notifications",
            "schedule": 60.0,
            "options": {"expires": 60},
        },
        "mail-digests": {
            "task": "diagnosis.tasks.mail_digests",
            "schedule": 900.0,
            "options": {"expires": 900},
        },
        "escalate-critical-results": {
            "task": "diagnosis.tasks.escalate_critical_results",
            "schedule": 30.0,
            "options": {"expires": 30},
        },
        "anchor-audit-trail": {
            "task": "audit.tasks.make_anchor",
            "schedule": 60.0,
            "options": {"expires": 60},
        },
        "mail-anchor": {
            "task": "audit.tasks.mail_anchor",
            "schedule": crontab(hour="0", minute="5"),
            "options": {"expires": 3600},
        },
        "look-at-the-audit-trail": {
            "task": "audit.tasks.look_at_the_trail",
            "schedule": crontab(hour="3", minute="20"),
            "options": {"expires": 3600},
        },
        "clear-sessions": {
            "task": "portal.tasks.clear_sessions",
            "schedule": crontab(hour="3", minute="40"),
            "options": {"expires": 3600},
        },
        "keep-figures": {
            "task": "diagnosis.tasks.keep_figures",
            "schedule": 6 * 3600.0,
            "options": {"expires": 6 * 3600},
        },
    }
    return made | (BACKUP if backups else {})


# Looks whether the daily backup is due; a machine that was off at that hour makes it as soon as it runs.
BACKUP: dict[str, Any] = {
    "begin-backup": {
        "task": "portal.tasks.begin_backup",
        "schedule": 900.0,
        "options": {"expires": 900},
    }
}
