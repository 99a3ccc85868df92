from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        from delivery.models import Kind  # noqa: PLC0415
        from delivery.senders import SENDERS  # noqa: PLC0415
        from diagnosis.states import MACHINES  # noqa: PLC0415  once the applications are there
        from orders import audited, receivers  # noqa: F401, PLC0415  connect their receivers
        from orders.hl7.sending import send  # noqa: PLC0415
        from orders.states import ORDER_MOVES  # noqa: PLC0415

        SENDERS[Kind.HL7] = send
        MACHINES["Order"] = ORDER_MOVES
