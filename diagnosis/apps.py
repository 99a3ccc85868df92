from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DiagnosisConfig(AppConfig):
    name = "diagnosis"
    verbose_name = _("Diagnosis")

    def ready(self) -> None:
        from accounts.departures import membership_ended  # noqa: PLC0415  models must be loaded
        from diagnosis.actions.confidentiality import forget_leaver  # noqa: PLC0415
        from diagnosis.rules import new_clinics  # noqa: F401, PLC0415  connect its receiver

        membership_ended.connect(forget_leaver)
