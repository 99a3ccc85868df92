"""Which systems may place orders, and for which clinic: set up by those who run the site."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import NeverDeleted, Proven
from orders.models import OrderSource


@admin.register(OrderSource)
class OrderSourceAdmin(NeverDeleted, Proven, admin.ModelAdmin):
    list_display = ("name", "clinic", "networks", "worklist_host", "is_active", "asked_at", "failure")
    list_filter = ("clinic", "is_active")
    list_select_related = ("clinic",)
    search_fields = ("name",)
    fields = (
        *("clinic", "name", "is_active", "assigning_authority", "networks", "fhir_system"),
        *("worklist_host", "worklist_port", "worklist_title", "asked_at", "failure", "created_at"),
    )
    readonly_fields = ("asked_at", "failure", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: OrderSource | None = None) -> tuple[str, ...]:
        """What it has ordered is its clinic's; one that moves is set up anew."""
        return (*self.readonly_fields, "clinic") if obj else self.readonly_fields
