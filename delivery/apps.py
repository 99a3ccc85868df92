from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeliveryConfig(AppConfig):
    name = "delivery"
    verbose_name = _("Deliveries")

    def ready(self) -> None:
        from delivery import audited, erased  # noqa: F401, PLC0415  connect their receivers
        from delivery.states import DELIVERY_MOVES  # noqa: PLC0415
        from diagnosis.states import MACHINES  # noqa: PLC0415

        MACHINES["Delivery"] = DELIVERY_MOVES
