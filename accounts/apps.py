from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Staff")

    def ready(self) -> None:
        from accounts import audited, departures, gate, idle, letters, sessions  # noqa: F401, PLC0415  connect their receivers
