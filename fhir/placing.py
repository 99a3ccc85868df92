"""An order that a program sends: placed, changed or cancelled on the road that HL7 messages take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import Http404, QueryDict
from django.utils import timezone
from django.utils.http import parse_etags
from django.utils.translation import gettext, gettext_noop
from rest_framework.request import Request

from accounts.authentication import require_scopes
from accounts.locale import in_time_zone_of
from accounts.models import ApiToken, Clinic
from accounts.permissions import Permission, require
from diagnosis.api import scope
from diagnosis.api.conditional import CHANGED, ChangedSince
from diagnosis.audited import note_row
from diagnosis.errors import CONFIDENTIAL, NotAllowedNow, Refusal
from diagnosis.models import Patient
from fhir import values
from fhir.bodies import MISSING, Wrong
from fhir.resources import order_bodies
from fhir.resources.order_bodies import ACTIVE, COMPLETED, REVOKED, TWO_PATIENTS, SentOrder, Subject
from fhir.resources.orders import KIND, SERVICE_REQUEST
from orders import actions
from orders.hl7 import people
from orders.hl7.reading import Unusable
from orders.models import Order, OrderSource
from orders.states import FHIR_STATUS, OrderStatus

IDENTIFIER = "identifier"
SAID = "%(said)s"  # a sentence that is translated already
UNKNOWN_ORDER = gettext_noop("No order with this number is known here, so there is none to cancel or to complete.")
UNKNOWN_PATIENT = gettext_noop(
    "No patient of this clinic is known by this. Register the patient, or send one in contained with a family name."
)
OTHER_NUMBER = gettext_noop("The identifier of the body is not that of the order which the address names.")
OTHER_ID = gettext_noop("The id of the body is not that of the address.")
NOT_COMPLETED = gettext_noop("The order is not completed here: it is, once the report is signed.")
BAD_CONDITION = gettext_noop("The condition must be one identifier with its system: identifier=SYSTEM|NUMBER.")
SEVERAL_MATCH = gettext_noop("More than one order matches the condition, so nothing was done.")


class Unmatched(Refusal):
    """The condition of a request does not lead to one order."""

    http_status = 412


@dataclass(frozen=True)
class Placed:
    order: Order
    is_new: bool


def create(request: Request, clinic: Clinic, *, base: str) -> Placed:
    """POST. The same number once more is the same order: changed, where the body says something else now."""
    condition = request.headers.get("If-None-Exist", "")

    def keep() -> Placed:
        there = _matching(request, QueryDict(condition.removeprefix("?"))) if condition else None
        sent = _read(request, clinic, base)
        if there is None:
            return _keep(request, sent)
        _require_its_number(there, sent)
        return Placed(there, False)

    return _once_more(keep)


def update(request: Request, clinic: Clinic, *, base: str) -> Placed:
    """PUT by the placer's identifier: placed where there is none."""

    def keep() -> Placed:
        there = _matching(request, request.query_params)
        sent = _read(request, clinic, base)
        if there is None and sent.id:
            raise Wrong("business-rule", OTHER_ID, f"{KIND}.id")
        if there is None and request.query_params[IDENTIFIER] != f"{sent.source.fhir_system}|{sent.placer_number}":
            raise Wrong("business-rule", OTHER_NUMBER, f"{KIND}.identifier")
        return _put(request, there, sent)

    return _once_more(keep)


def replace(request: Request, key: str, *, base: str) -> Placed:
    """PUT by the key. Raises Http404 for what the person does not follow."""
    row = SERVICE_REQUEST.sources[0].rows(request).filter(values.by_key(key)).first()
    if row is None:
        raise Http404
    note_row(row)

    def keep() -> Placed:
        sent = _read(request, row.clinic, base)
        if not sent.id:
            raise Wrong("required", MISSING, f"{KIND}.id", status=400)
        return _put(request, row, sent)

    return _once_more(keep)


def _once_more(keep: Callable[[], Placed]) -> Placed:
    """Again where the same order, or its patient, came by another road at the same moment: then it is known."""
    try:
        with transaction.atomic():
            return keep()
    except (IntegrityError, ValidationError):
        with transaction.atomic():
            return keep()


def _read(request: Request, clinic: Clinic, base: str) -> SentOrder:
    systems = {one.fhir_system: one for one in OrderSource.objects.with_fhir().filter(clinic=clinic)}
    with in_time_zone_of(clinic):  # by whose clock a day begins
        return order_bodies.read(request.data, systems=systems, base=base)


def _matching(request: Request, condition: QueryDict) -> Order | None:
    """The order that the condition of a request names, of those that the person follows. Raises Unmatched."""
    named = condition.getlist(IDENTIFIER)
    system, number = values.split_token(named[0]) if len(named) == 1 else ("", "")
    if [*condition] != [IDENTIFIER] or not system or not number or "\0" in named[0]:
        raise values.BadParameter("bad_condition", BAD_CONDITION)
    source = SERVICE_REQUEST.sources[0]
    found = list(source.rows(request).filter(source.find[IDENTIFIER](named[0]))[:2])
    if len(found) > 1:
        raise Unmatched("several_match", SEVERAL_MATCH)
    return found[0] if found else None


def _put(request: Request, there: Order | None, sent: SentOrder) -> Placed:
    if there is not None:
        if sent.id not in ("", str(there.pk)):
            raise Wrong("invalid", OTHER_ID, f"{KIND}.id", status=400)
        _require_its_number(there, sent)
    return _keep(request, sent)


def _require_its_number(there: Order, sent: SentOrder) -> None:
    """Two orders may share an accession number, and the placer's number of one be the filler's of another."""
    if (there.source_id, there.placer_number) != (sent.source.pk, sent.placer_number):
        raise Wrong("business-rule", OTHER_NUMBER, f"{KIND}.identifier")


def _keep(request: Request, sent: SentOrder) -> Placed:
    order = _held(actions.find_order(sent.source, placer_number=sent.placer_number))
    _require_match(request, order)
    if order is None and sent.status != ACTIVE:
        raise Wrong("not-found", UNKNOWN_ORDER, f"{KIND}.identifier")
    patient = _patient(request, sent)
    if order is None:
        _require_scope(request, f"{KIND}.c")
        return Placed(_place(sent, patient), True)
    if _differs(order, sent, patient):
        _require_scope(request, f"{KIND}.u")
        order = _change(order, sent, patient)
    return Placed(order, False)


def _held(order: Order | None) -> Order | None:
    """The row until this is done, so that of two who read the same version one is told so."""
    if order is None:
        return None
    rows = Order.objects.select_related("clinic", "patient__merged_into", "source", "study")
    held = rows.select_for_update(of=("self",)).filter(pk=order.pk).first()
    if held is not None:
        note_row(held)
    return held


def _require_match(request: Request, order: Order | None) -> None:
    """Raises ChangedSince unless `If-Match`, where it is sent, is the version of today."""
    asked = request.headers.get("If-Match")
    if asked is None or request.method != "PUT":
        return
    tags = {one.removeprefix("W/") for one in parse_etags(asked)}
    if order is None or not tags & {"*", f'"{_version(request, order)}"'}:
        raise ChangedSince("changed_since", CHANGED)


def _version(request: Request, order: Order) -> str:
    source = SERVICE_REQUEST.sources[0]
    return "".join(one.version for one in source.entries(request, list(source.rows(request).filter(pk=order.pk))))


def _place(sent: SentOrder, patient: Patient) -> Order:
    return actions.keep_order(
        None,
        source=sent.source,
        patient=patient,
        requested_at=sent.requested_at or timezone.now(),
        **sent.words,
    )


def _differs(order: Order, sent: SentOrder, patient: Patient) -> bool:
    said = any(value and getattr(order, name) != value for name, value in sent.words.items())
    return said or order.patient.in_use != patient or sent.status != FHIR_STATUS[OrderStatus(order.status)]


def _change(order: Order, sent: SentOrder, patient: Patient) -> Order:
    if sent.status == REVOKED:
        return actions.recall_order(order, source=sent.source, patient=patient)
    if order.status == OrderStatus.CANCELLED:
        raise NotAllowedNow("not_open", actions.NOT_OPEN)
    if sent.status == COMPLETED != FHIR_STATUS[OrderStatus(order.status)]:
        raise NotAllowedNow("not_completed", NOT_COMPLETED)
    return actions.keep_order(order, source=sent.source, patient=patient, requested_at=order.requested_at, **sent.words)


def _patient(request: Request, sent: SentOrder) -> Patient:
    """The record in use of whom the order names, registered where the body tells enough. Never one that is closed to
    the person: an answer would tell of it.
    """
    subject, source = sent.subject, sent.source
    try:
        known = _known(subject, source)
        if known is None:
            _require_registering(request, source, subject)
        else:
            _require_open(request, known, subject)
            if subject.person is None:
                return known.in_use
        assert subject.person  # a key alone leads to a record, or is refused
        return people.find_or_register(subject.person, source)
    except Unusable as unusable:
        raise Wrong("business-rule", SAID, subject.path, said=unusable.reason) from unusable


def _known(subject: Subject, source: OrderSource) -> Patient | None:
    by_number = people.known(source, subject.person.number) if subject.person else None
    if subject.key is None:
        return by_number
    records = Patient.objects.in_clinic(source.clinic).select_related("merged_into", "clinic")
    by_key = records.filter(pk=subject.key).first()
    if by_key is None:
        raise Wrong("not-found", UNKNOWN_PATIENT, subject.path)
    if subject.person and (by_number is None or by_number.in_use != by_key.in_use):
        raise Wrong("business-rule", TWO_PATIENTS, subject.path)
    return by_key


def _require_registering(request: Request, source: OrderSource, subject: Subject) -> None:
    if subject.person is None or not subject.person.family_name:
        raise Wrong("not-found", UNKNOWN_PATIENT, subject.path)
    require(scope.person(request), Permission.EDIT_PATIENT, source.clinic)
    _require_scope(request, "Patient.c")


def _require_open(request: Request, patient: Patient, subject: Subject) -> None:
    """A closed record is told as what it is, so that nobody takes the patient for a new one."""
    both = Q(pk__in=[patient.pk, patient.in_use.pk])
    if scope.visible(Patient.objects.filter(both), request).count() < len({patient.pk, patient.in_use.pk}):
        raise Closed(subject.path)


class Closed(PermissionDenied):
    """The record is confidential, and not open to the person."""

    def __init__(self, expression: str) -> None:
        super().__init__(gettext(CONFIDENTIAL))
        self.expression = expression


def _require_scope(request: Request, name: str) -> None:
    if isinstance(request.auth, ApiToken):
        require_scopes(request, request.auth, (f"system/{name}",))
