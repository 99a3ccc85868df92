"""Sign-ins, sign-outs and failures, by whichever door."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from audit.notes import Notes, current
from audit.record import record
from audit.vocabulary import Action, Event, Outcome


@receiver(user_logged_in)
def _signed_in(user: Any, **_: Any) -> None:
    _note(Event.LOGIN, person=user.pk)


@receiver(user_logged_out)
def _signed_out(user: Any, **_: Any) -> None:
    _note(Event.LOGOUT, person=user.pk if user else None)


@receiver(user_login_failed)
def _failed(credentials: dict[str, Any], **_: Any) -> None:
    """The account that was tried. What was typed is kept only where nobody has it, and it is no misplaced password."""
    typed = str(credentials.get("email") or credentials.get("username") or "").strip()[:254].replace("\0", "")
    known = get_user_model().objects.filter(email__iexact=typed).values_list("pk", flat=True).first()
    login = typed if known is None and "@" in typed else ""
    _note(Event.LOGIN, person=known, login=login, outcome=Outcome.MINOR)


def _note(event: Event, **fields: Any) -> None:
    notes = current()
    if notes is None:
        record(event, Action.EXECUTE, **fields)
    else:
        _write_into(notes, event, fields)


def _write_into(notes: Notes, event: Event, fields: dict[str, Any]) -> None:
    notes.event, notes.action = event, Action.EXECUTE
    # A failure that a success follows in the same request was one of several ways tried.
    notes.outcome = None
    for name, value in fields.items():
        setattr(notes, name, value)
