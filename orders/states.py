"""The states of an order and the moves between them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from diagnosis.states import Moves


class OrderStatus(models.TextChoices):
    ORDERED = "ordered", _("Ordered")
    SCHEDULED = "scheduled", _("Scheduled")
    ACQUIRED = "acquired", _("Images are here")
    REPORTED = "reported", _("Reported, not signed")
    AUTHORISED = "authorised", _("Report signed")
    CANCELLED = "cancelled", pgettext_lazy("order", "Cancelled")


_S = OrderStatus
ORDER_MOVES: Moves = {
    _S.ORDERED: {
        _S.SCHEDULED: "the ordering system names a time",
        _S.ACQUIRED: "its images are here",
        _S.CANCELLED: "the ordering system or a person cancels it",
    },
    _S.SCHEDULED: {
        _S.ACQUIRED: "its images are here",
        _S.CANCELLED: "the ordering system or a person cancels it",
    },
    _S.ACQUIRED: {
        _S.REPORTED: "a reading becomes the preliminary report",
        _S.ORDERED: "its images were taken back or moved to another patient",
        _S.SCHEDULED: "the same, and a time was named",
    },
    _S.REPORTED: {
        _S.AUTHORISED: "the report is signed",
        _S.ACQUIRED: "there is no report any more",
    },
    _S.AUTHORISED: {
        _S.ACQUIRED: "the report was entered in error",
    },
    _S.CANCELLED: {},
}
# No images yet.
OPEN = (OrderStatus.ORDERED, OrderStatus.SCHEDULED)
# In the order in which an examination passes them.
WITH_IMAGES = (OrderStatus.ACQUIRED, OrderStatus.REPORTED, OrderStatus.AUTHORISED)
# RequestStatus of FHIR R4. A request is completed once what was asked for is answered: by a signed report.
FHIR_STATUS = {
    OrderStatus.ORDERED: "active",
    OrderStatus.SCHEDULED: "active",
    OrderStatus.ACQUIRED: "active",
    OrderStatus.REPORTED: "active",
    OrderStatus.AUTHORISED: "completed",
    OrderStatus.CANCELLED: "revoked",
}
