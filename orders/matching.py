"""Which study answers an order: same clinic, same accession number, same patient, and of its kind. Never a guess."""

from __future__ import annotations

from diagnosis.models import Study
from diagnosis.models.modality import Modality
from diagnosis.models.study import StudyQuerySet
from orders.models import Order
from orders.models.order import OrderQuerySet

# By the codes of PS3.3 C.7.3.1.1.1. Any other says nothing about which of two studies is meant.
KINDS = {"CR": Modality.CXR, "DX": Modality.CXR, "DR": Modality.CXR, "RG": Modality.CXR, "CT": Modality.CT}


def is_number(text: str) -> bool:
    """Whether it is the number of an order or an accession number: some systems write noughts where they have none."""
    return bool(text.strip("0-. "))


def number_of(text: str) -> str:
    """The number as orders keep it; empty where it is none, so that no two orders are one because neither has any."""
    return text[:64] if is_number(text) else ""


def study_of(order: Order) -> Study | None:
    """The study that answers `order`, or None. A record that was merged counts as the one in use."""
    if not is_number(order.accession_number):
        return None
    # A prior was made for an earlier request, whatever number it bears.
    found = with_number(order).filter(patient=order.patient.in_use, fetched_from="").exclude(representative=None)
    if kind := KINDS.get(order.modality.upper()):
        found = found.filter(modality=kind)
    return found.order_by("received_at", "pk").first()


def with_number(order: Order) -> StudyQuerySet:
    """The studies of the clinic that have the order's accession number, whoever's they are."""
    return Study.objects.in_clinic(order.clinic).filter(accession_number=order.accession_number)


def waiting_for(study: Study) -> OrderQuerySet:
    """Open orders with the study's accession number, in its clinic."""
    if not is_number(study.accession_number):
        return Order.objects.none()
    return Order.objects.open().filter(clinic=study.clinic_id, accession_number=study.accession_number)
