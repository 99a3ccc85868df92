from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        from diagnosis.states import MACHINES  # noqa: PLC0415  once the applications are there
        from orders import audited, receivers  # noqa: F401, PLC0415  connect their receivers
        from orders.states import ORDER_MOVES  # noqa: PLC0415

        MACHINES["Order"] = ORDER_MOVES
