"""Entries made of requests, and of what happens outside of any."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from audit import chain
from audit.models import AuditEvent
from audit.notes import Notes, current, note_detail, note_event, note_object
from audit.vocabulary import Action, Event, Outcome

READING = ("GET", "HEAD", "OPTIONS")
ACTIONS = {"GET": Action.READ, "HEAD": Action.READ, "DELETE": Action.DELETE}
# Addresses whose parts are secrets: an entry never names them.
OF_SECRETS = frozenset({"accounts:invitation_link", "account_reset_password_from_key"})
# Addresses under which accounts and permissions are changed.
OF_RIGHTS = ("accounts:", "account_", "mfa_", "admin:accounts_", "admin:auth_", "api:token")


def record(event: Event, action: Action, **fields: Any) -> None:
    """An entry of something that no request asks for. Inside a transaction it is stored once that is committed."""
    entry = AuditEvent(event=event, action=action, **fields)
    if connection.in_atomic_block:
        transaction.on_commit(partial(chain.append, entry))
    else:
        chain.append(entry)


def tell_rights(kind: str, key: object, action: Action, told: Mapping[str, str]) -> None:
    """What becomes of a right: in the entry of the request that changes it, else in one of its own."""
    if current() is None:
        record(Event.RIGHTS, action, object_type=kind, object_id=str(key), detail=dict(told))
        return
    note_event(Event.RIGHTS, action)
    note_object(kind, key)
    note_detail(**told)


def record_before(event: Event, action: Action, **fields: Any) -> None:
    """The same of what cannot be taken back, such as bytes that leave: committed when this returns.

    Raises what the database raises, and RuntimeError inside a transaction, which could still take the entry away.
    """
    with transaction.atomic(durable=True):
        chain.append(AuditEvent(event=event, action=action, **fields))


def of_request(request: HttpRequest, response: HttpResponseBase, notes: Notes) -> AuditEvent:
    """The one entry of a request, not stored yet."""
    route = route_of(request)
    kind, key = next(iter(notes.objects), _named(request))
    token = getattr(getattr(request, "auth", None), "pk", None)
    return AuditEvent(
        event=notes.event or _event(request, route, notes),
        action=notes.action or _action(request, notes),
        outcome=notes.outcome or _outcome(response.status_code),
        person=notes.person or person_of(request),
        login=notes.login,
        token=token if isinstance(token, int) else None,
        address=address_of(request),
        route=f"{request.method} {route}"[:100],
        object_type=kind,
        object_id=key,
        patient=notes.patient,
        patients=" ".join(patient.hex for patient in notes.patients if patient != notes.patient),
        detail=_detail(response, notes),
    )


def route_of(request: HttpRequest) -> str:
    """Name of the address; empty where there is none."""
    return request.resolver_match.view_name if request.resolver_match else ""


def person_of(request: HttpRequest) -> uuid.UUID | None:
    return request.user.pk if request.user.is_authenticated else None


def address_of(request: HttpRequest) -> str:
    """The client's, believing as many proxies as TRUSTED_PROXIES says; empty where it cannot be told."""
    try:
        return str(get_adapter(request).get_client_ip(request))[:45]
    except PermissionDenied:
        return ""


def _named(request: HttpRequest) -> tuple[str, str]:
    """What the address names, where the view got no further than to look for it."""
    match = request.resolver_match
    if match and match.view_name in OF_SECRETS:
        return "", ""
    key = next(iter(match.kwargs.values()), "") if match and match.kwargs else ""
    return ("", "") if key == "" else (match.url_name or "", str(key).replace("\0", "")[:60])  # type: ignore[union-attr]


def _event(request: HttpRequest, route: str, notes: Notes) -> Event:
    if route.startswith(OF_RIGHTS):
        return Event.RIGHTS
    listed = notes.patient is None and any(kind.startswith("list of ") for kind, _key in notes.objects)
    return Event.QUERY if listed and request.method in READING else Event.RECORD


def _action(request: HttpRequest, notes: Notes) -> Action:
    return ACTIONS.get(request.method or "", Action.UPDATE)


def _outcome(status: int) -> Outcome:
    if status < 400:
        return Outcome.SUCCESS
    return Outcome.MINOR if status < 500 else Outcome.SERIOUS


def _detail(response: HttpResponseBase, notes: Notes) -> dict[str, str]:
    """The status where it is not the usual one, and what else was touched."""
    status = {} if response.status_code == 200 else {"status": str(response.status_code)}
    further = [f"{kind} {key}".strip() for kind, key in [*notes.objects][1:]]
    return status | ({"also": ", ".join(further)} if further else {}) | notes.detail
