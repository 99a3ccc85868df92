"""Contact messages for the people who answer them: read, mark as handled, nothing else."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from portal import product
from portal.models import ContactMessage

admin.site.site_header = product.NAME
admin.site.site_title = product.NAME
admin.site.index_title = _("Administration")
admin.site.enable_nav_sidebar = True


class HandledFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("new", gettext("New")), ("handled", gettext("Handled"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ContactMessage]) -> QuerySet[ContactMessage]:
        if self.value() == "new":
            return queryset.filter(handled_at=None)
        if self.value() == "handled":
            return queryset.exclude(handled_at=None)
        return queryset


@admin.register(ContactMessage)
class ContactMessageAdmin(admin.ModelAdmin):
    list_display = ("subject", "name", "sent_at", "is_mailed", "handling")
    list_filter = (HandledFilter, "sent_at")
    list_select_related = ("handled_by",)
    search_fields = ("subject", "name", "email", "body")
    fields = ("subject", "name", "email", "body", "sent_at", "mailed_at", "handled_at", "handled_by")
    readonly_fields = fields
    actions = ("mark_as_handled",)
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ContactMessage | None = None) -> bool:
        """For the list and its action; a message itself is only read."""
        return obj is None and super().has_change_permission(request)

    @admin.display(description=_("state"), ordering="handled_at")
    def handling(self, message: ContactMessage) -> str:
        if message.handled_at is None:
            return gettext("new")
        return gettext("handled by %(person)s on %(day)s") % {
            "person": message.handled_by,
            "day": date_format(localtime(message.handled_at), "DATE_FORMAT"),
        }

    @admin.display(boolean=True, description=_("mailed"))
    def is_mailed(self, message: ContactMessage) -> bool:
        return message.mailed_at is not None

    @admin.action(description=_("Mark as handled"), permissions=["change"])
    def mark_as_handled(self, request: HttpRequest, queryset: QuerySet[ContactMessage]) -> None:
        assert isinstance(request.user, User)
        chosen = queryset.count()
        handled = ContactMessage.objects.filter(pk__in=queryset.values("pk")).handle(by=request.user)
        self.message_user(request, _outcome(handled, chosen), messages.SUCCESS if handled else messages.WARNING)


def _outcome(handled: int, chosen: int) -> str:
    sentence = ngettext("%(count)d message marked as handled.", "%(count)d messages marked as handled.", handled) % {
        "count": handled
    }
    if before := chosen - handled:
        earlier = ngettext(
            "%(count)d was handled earlier and stays as it is.",
            "%(count)d were handled earlier and stay as they are.",
            before,
        )
        return f"{sentence} {earlier % {'count': before}}"
    return sentence
