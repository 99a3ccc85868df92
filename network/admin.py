"""Who may send images to this portal, and for which clinic: set up by those who run the site."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import NeverDeleted, Proven
from network.models import RemoteEntity


@admin.register(RemoteEntity)
class RemoteEntityAdmin(NeverDeleted, Proven, admin.ModelAdmin):
    list_display = ("title", "clinic", "description", "networks", "is_active")
    list_filter = ("clinic", "is_active")
    list_select_related = ("clinic",)
    search_fields = ("title", "description")
    fields = (
        *("clinic", "title", "networks", "report_port", "report_tls", "description", "is_active"),
        *("priors_by", "query_host", "query_port", "query_tls", "patient_issuer", "priors_most", "created_at"),
    )
    readonly_fields = ("created_at",)

    def get_readonly_fields(self, request: HttpRequest, obj: RemoteEntity | None = None) -> tuple[str, ...]:
        """What it has sent is its clinic's; one that moves is set up anew."""
        return ("created_at", "clinic") if obj else ("created_at",)
