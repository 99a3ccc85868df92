"""The states of a delivery, and what leads from one to another."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnosis.states import Moves


class DeliveryStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENDING = "sending", _("Being sent")
    DELIVERED = "delivered", _("Delivered")
    REFUSED = "refused", _("Refused")
    CANCELLED = "cancelled", _("Cancelled")


_D = DeliveryStatus
DELIVERY_MOVES: Moves = {
    _D.WAITING: {
        _D.SENDING: "a worker takes it",
        _D.CANCELLED: "a person cancels it, or its study is deleted",
    },
    _D.SENDING: {
        _D.DELIVERED: "the receiver has it",
        _D.WAITING: "the receiver was away or busy, or the worker was lost",
        _D.REFUSED: "the receiver will not have it, or it must not be sent",
        _D.CANCELLED: "its study is deleted, or a person cancels what a lost worker held",
    },
    # To send once more doubles nothing: the receiver is given the same identifiers.
    _D.DELIVERED: {_D.WAITING: "a person sends it once more"},
    _D.REFUSED: {_D.WAITING: "a person sends it once more"},
    _D.CANCELLED: {_D.WAITING: "a person sends it after all"},
}
OPEN = (_D.WAITING, _D.SENDING)
