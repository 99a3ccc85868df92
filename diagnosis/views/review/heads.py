"""The heads of the queue's columns that sort it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from diagnosis.forms.queue_filter import ORDERS, QueueFilter
from diagnosis.reviews.orders import Order


@dataclass(frozen=True)
class Head:
    """`aria`: how the column is sorted now, empty where it is not. `query` asks for the order that `title` names."""

    aria: str
    query: str
    title: str


def heads(form: QueueFilter) -> dict[str, Head]:
    """By the column; each is sorted the first way, and the other way when asked again."""
    return {
        "patient": _head(form, Order.PATIENT, Order.PATIENT_BACKWARDS),
        "examined": _head(form, Order.EXAMINED_NEWEST, Order.EXAMINED),
        "priority": _head(form, Order.DUE, Order.DUE),
        "waiting": _head(form, Order.WAITING, Order.WAITING_SHORTEST),
    }


def _head(form: QueueFilter, first: Order, other: Order) -> Head:
    now = form.order
    asked = other if now == first else first
    aria = ("descending" if now.startswith("-") else "ascending") if now in (first, other) else ""
    chosen = {name: value for name, value in form.chosen.items() if name != "sort"}
    return Head(aria, urlencode(chosen | ({"sort": asked.value} if asked else {})), str(ORDERS[asked]))
