"""What a message orders: ORM^O01 and OMI^O23, one order for each ORC segment with its OBR."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from diagnosis.models import Patient
from diagnosis.models.study import Priority
from orders import actions
from orders.hl7.people import patient_of
from orders.hl7.reading import Incoming, Unusable, moment
from orders.matching import KINDS, number_of
from orders.models import Order, OrderSource

URGENT, ROUTINE = {"S", "A", "STAT", "ASAP"}, {"R", "ROUTINE"}
CANCELLING = {"CA", "DC", "OC"}
CHANGING = {"NW", "XO", "SC"}
NEW, STATUS_CHANGED = "NW", "SC"


def take(message: Incoming, source: OrderSource) -> tuple[Patient, list[Order]]:
    """Place, change or cancel each order of the message; returns its patient and its orders."""
    if not message.count("ORC"):
        raise Unusable("no_order")
    patient = patient_of(message, source)
    return patient, [_one(group, source, patient) for group in message.orders()]


def _one(message: Incoming, source: OrderSource, patient: Patient) -> Order:
    control = message.get("ORC", 1).upper()
    numbers = _numbers(message)
    order = actions.find_order(source, **numbers)
    if control in CANCELLING or (control == STATUS_CHANGED and message.get("ORC", 5) in CANCELLING):
        if order is None:
            raise Unusable("unknown_order")
        return actions.recall_order(order, source=source, patient=patient)
    if control not in CHANGING:
        raise Unusable("order_control", control=control[:10])
    if order is None and control != NEW:
        raise Unusable("unknown_order")
    words = numbers | _words(message)
    if order and control == STATUS_CHANGED and not order.is_open:
        return order  # it tells of what happened here already
    requested = order.requested_at if order else _requested(message)
    return actions.keep_order(order, source=source, patient=patient, requested_at=requested, **words)


def _requested(message: Incoming) -> datetime:
    return moment(message.get("ORC", 9)) or moment(message.get("MSH", 7)) or timezone.now()


def _numbers(message: Incoming) -> dict[str, str]:
    placer = number_of(message.get("ORC", 2)) or number_of(message.get("OBR", 2))
    filler = number_of(message.get("ORC", 3)) or number_of(message.get("OBR", 3))
    if not placer and not filler:
        raise Unusable("no_order_number")
    return {"placer_number": placer, "filler_number": filler}


def _words(message: Incoming) -> dict[str, Any]:
    """The fields of the order. The accession number is IPC-1, else OBR-18 as IHE has it."""

    get = message.get
    kind = (get("IPC", 5) or get("OBR", 24)).upper()
    times = (get("TQ1", 7), get("OBR", 36), get("OBR", 27, 4), get("ORC", 7, 4))
    return {
        "accession_number": number_of(get("IPC", 1)) or number_of(get("OBR", 18)),
        "study_instance_uid": get("IPC", 3)[:64],
        "procedure_code": get("OBR", 4)[:64],
        "procedure_description": (get("OBR", 4, 2) or get("OBR", 4))[:200],
        "modality": kind[:16] if kind in KINDS else "",
        "clinical_question": _question(message)[:2000],
        "referring_physician": _name(message)[:200],
        "ward": message.get("PV1", 3)[:120],
        "priority": _priority(get("TQ1", 9) or get("OBR", 27, 6) or get("ORC", 7, 6) or get("OBR", 5)),
        "scheduled_at": next(filter(None, map(moment, times)), None),
    }


def _question(message: Incoming) -> str:
    """The reason for the study, and what else is known that bears on it."""
    reason = message.get("OBR", 31, 2) or message.get("OBR", 31)
    known = message.get("OBR", 13)
    return "\n".join(dict.fromkeys(filter(None, (reason, known))))


def _name(message: Incoming) -> str:
    """Prefix, given and family name of the ordering provider: XCN of OBR-16, else of ORC-12."""
    for segment, field in (("OBR", 16), ("ORC", 12)):
        parts = [message.get(segment, field, component) for component in (6, 3, 2)]
        if name := " ".join(filter(None, parts)):
            return name
    return ""


def _priority(code: str) -> str:
    if code.upper() in URGENT:
        return Priority.URGENT
    return Priority.ROUTINE if code.upper() in ROUTINE else ""
