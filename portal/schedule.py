"""What the portal does by itself, and how often."""

from typing import Any

from celery.schedules import crontab

HOUR = 3600


def entries(
    *,
    sweep_seconds: int,
    deliver_seconds: int = 15,
    worklist_seconds: int = 0,
    sort_seconds: int = 0,
    priors: bool = False,
    backups: bool = False,
) -> dict[str, Any]:
    """Celery’s beat schedule. Each entry expires before its next turn: a queue that stood still runs it once."""
    made = {
        "delete-old-drawings": _every(600, "diagnosis.tasks.delete_old_drawings"),
        "erase-deleted": _every(600, "diagnosis.tasks.erase_deleted"),
        "sweep-orphans": _every(6 * HOUR, "diagnosis.tasks.sweep_orphans", expires=HOUR),
        "forget-answers": _every(HOUR, "diagnosis.tasks.forget_answers"),
        # A sweep that waited longer than one round is worth nothing: the next one does its work.
        "sweep-analyses": _every(sweep_seconds, "diagnosis.tasks.sweep_analyses"),
        "mail-notifications": _every(60, "diagnosis.tasks.mail_notifications"),
        "mail-digests": _every(900, "diagnosis.tasks.mail_digests"),
        "escalate-critical-results": _every(30, "diagnosis.tasks.escalate_critical_results"),
        "tell-of-missing-readers": _every(60, "diagnosis.tasks.tell_of_missing_readers"),
        "anchor-audit-trail": _every(60, "audit.tasks.make_anchor"),
        "mail-anchor": _daily("0:05", "audit.tasks.mail_anchor"),
        "look-at-the-audit-trail": _daily("3:20", "audit.tasks.look_at_the_trail"),
        "end-forgotten-groups": _daily("2:40", "accounts.tasks.end_forgotten_groups"),
        "clear-sessions": _daily("3:40", "portal.tasks.clear_sessions"),
        # Beside the message that each new delivery sends.
        "deliver": _every(deliver_seconds, "delivery.tasks.deliver"),
        # An order learns of its images at once; this is for what was not told.
        "match-orders": _every(60, "orders.tasks.match_orders"),
        "forget-messages": _daily("4:10", "orders.tasks.forget_messages"),
        "keep-figures": _every(6 * HOUR, "diagnosis.tasks.keep_figures"),
    }
    if worklist_seconds:
        made["ask-worklists"] = _every(worklist_seconds, "orders.tasks.ask_worklists")
    if sort_seconds:
        # Where images are received: the message to sort them may be lost, and a person's decision sends one too.
        made["sort-received"] = _every(sort_seconds, "network.tasks.sort_received")
        made["report-commitments"] = _every(30, "network.tasks.report_commitments")
        made["sweep-spool"] = _every(HOUR, "network.tasks.sweep_spool")
    if priors:
        # For what is tried again, and where the message of a study that came was lost.
        made["fetch-priors"] = _every(60, "network.tasks.fetch_priors")
    if backups:
        # Looks whether the daily backup is due; a machine that was off at that hour makes it as soon as it runs.
        made["begin-backup"] = _every(900, "portal.tasks.begin_backup")
    return made


def _every(seconds: int, task: str, *, expires: int = 0) -> dict[str, Any]:
    return {"task": task, "schedule": seconds, "options": {"expires": expires or seconds}}


def _daily(time: str, task: str) -> dict[str, Any]:
    hour, minute = time.split(":")
    return {"task": task, "schedule": crontab(hour=hour, minute=minute), "options": {"expires": HOUR}}
