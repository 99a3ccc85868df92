from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NetworkConfig(AppConfig):
    name = "network"
    verbose_name = _("DICOM network")

    def ready(self) -> None:
        from diagnosis.states import MACHINES  # noqa: PLC0415
        from network import arrivals, audited, erased  # noqa: F401, PLC0415  connect their receivers
        from network.states import RETRIEVAL_MOVES  # noqa: PLC0415

        MACHINES["PriorRetrieval"] = RETRIEVAL_MOVES
