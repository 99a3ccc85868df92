from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NetworkConfig(AppConfig):
    name = "network"
    verbose_name = _("DICOM network")

    def ready(self) -> None:
        from network import audited, erased  # noqa: F401, PLC0415  connect their receivers
