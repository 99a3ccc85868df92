from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from delivery.models import Delivery


class DeliveryConfig(AppConfig):
    name = "delivery"
    verbose_name = _("Deliveries")

    def ready(self) -> None:
        from delivery import audited, erased, events  # noqa: F401, PLC0415  connect their receivers
        from delivery.models import Kind  # noqa: PLC0415
        from delivery.senders import SENDERS  # noqa: PLC0415
        from delivery.states import DELIVERY_MOVES  # noqa: PLC0415
        from delivery.webhooks.sending import send as webhook  # noqa: PLC0415  connects its receivers too
        from diagnosis.states import MACHINES  # noqa: PLC0415

        MACHINES["Delivery"] = DELIVERY_MOVES
        SENDERS[Kind.DICOM] = _send_dicom
        SENDERS[Kind.WEBHOOK] = webhook


def _send_dicom(delivery: Delivery) -> str:
    """With what it takes to build DICOM, which a web process never loads."""
    from delivery.dicom.sending import send  # noqa: PLC0415

    return send(delivery)
