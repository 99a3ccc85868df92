"""Staff, clinics and tokens for administrators. Nothing here is deleted: history names it, so it is closed instead."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.contrib.auth.models import Permission as Right
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import arrivals, second_factor
from accounts.factor_forms import FactorPolicyForm
from accounts.forms import AccountForm, ChangeAccountForm, ClinicLocaleForm, LetterheadForm
from accounts.models import ApiToken, Clinic, Letterhead, Membership, User
from accounts.step_up import step_up


class NeverDeleted:
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Proven:
    """Rights are changed by somebody who has just proved who they are."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return step_up(super().changeform_view)(request, *args, **kwargs)  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A list alone gives no right; what is done with the people who are ticked on it may."""
        view = super().changelist_view  # type: ignore[misc]
        return (step_up(view) if request.method == "POST" else view)(request, *args, **kwargs)


class OfUsedRights:
    """Only rights that something here asks for can be given: nothing asks for those over other people's factors."""

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        if db_field.related_model is Right:
            kwargs["queryset"] = Right.objects.exclude(content_type__app_label="mfa").select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


class MembershipInline(NeverDeleted, admin.TabularInline):
    model = Membership
    extra = 0
    fields = ("clinic", "role", "is_active", "created_at")
    readonly_fields = ("created_at",)


class StaffInline(NeverDeleted, admin.TabularInline):
    model = Membership
    extra = 0
    fields = ("user", "role", "is_active", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)
    verbose_name_plural = _("staff")


class LetterheadInline(NeverDeleted, admin.StackedInline):
    model = Letterhead
    form = LetterheadForm
    fields = ("address", "new_logo", "without_logo")


@admin.register(User)
class UserAdmin(NeverDeleted, Proven, OfUsedRights, DjangoUserAdmin):
    list_display = ("full_name", "email", "clinics", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "memberships__role", "memberships__clinic")
    search_fields = ("full_name", "email")
    ordering = ("full_name",)
    inlines = (MembershipInline,)
    filter_horizontal = ("groups", "user_permissions")
    actions = ("reset_second_factor", "disconnect_single_sign_on")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("full_name", "email", "password")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "last_login", "date_joined")}),
        (
            _("Rights in the administration"),
            {"classes": ("collapse",), "fields": ("is_superuser", "groups", "user_permissions")},
        ),
    )
    form = ChangeAccountForm
    add_form = AccountForm
    change_user_password_template = "admin/accounts/user/change_password.html"  # noqa: S105
    add_fieldsets = (
        (
            None,
            {
                "description": _(
                    "An account for somebody who runs the site, or the first administrator of a clinic. Administrators"
                    " invite everybody else on their clinic’s People page."
                ),
                "fields": ("email", "full_name", "usable_password", "password1", "password2"),
            },
        ),
    )
    # Who may open the administration, and with which rights, is decided by those who hold all of them.
    only_for_superusers = ("is_staff", "is_superuser", "groups", "user_permissions")

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return step_up(super().user_change_password)(request, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__clinic")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else fields + self.only_for_superusers

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A new password is a way into an account, so nobody changes an account above their own."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    @admin.action(description=_("Reset the second factor"), permissions=["change"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For somebody who lost theirs. Whoever may not change an account may not open it either."""
        assert isinstance(request.user, User)
        chosen = [user for user in queryset if self.has_change_permission(request, user)]
        reset = sum(second_factor.reset(user, by=request.user) for user in chosen)
        sentence = ngettext(
            "The second factor of %(count)d person was reset.",
            "The second factors of %(count)d people were reset.",
            reset,
        ) % {"count": reset}
        self.message_user(request, sentence, messages.SUCCESS if reset else messages.WARNING)

    @admin.action(description=_("Disconnect from single sign-on"), permissions=["change"])
    def disconnect_single_sign_on(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For an account that was connected with the wrong person."""
        assert isinstance(request.user, User)
        chosen = [user for user in queryset if self.has_change_permission(request, user)]
        ended = sum(arrivals.disconnect(user, by=request.user) for user in chosen)
        sentence = ngettext(
            "%(count)d person is no longer connected.", "%(count)d people are no longer connected.", ended
        ) % {"count": ended}
        self.message_user(request, sentence, messages.SUCCESS if ended else messages.WARNING)

    @admin.display(description=_("clinics"))
    def clinics(self, user: User) -> str:
        return ", ".join(f"{m.clinic} ({m.role_class.name})" for m in user.memberships.all() if m.is_active) or gettext(
            "none"
        )


admin.site.unregister(Group)


@admin.register(Group)
class RightsGroupAdmin(Proven, OfUsedRights, GroupAdmin):
    """A group gives rights to whoever is in it."""

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return step_up(super().delete_view)(request, *args, **kwargs)


class ClinicForm(FactorPolicyForm, ClinicLocaleForm):
    class Meta:
        model = Clinic
        fields = (*ClinicLocaleForm.Meta.fields, *FactorPolicyForm.Meta.fields)


@admin.register(Clinic)
class ClinicAdmin(NeverDeleted, Proven, admin.ModelAdmin):
    list_display = ("name", "staff", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name",)
    form = ClinicForm
    fields = ("name", "is_active", "language", "time_zone", "second_factor_roles", "created_at")
    readonly_fields = ("created_at",)
    inlines = (LetterheadInline, StaffInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Clinic]:
        active = Count("memberships", filter=Q(memberships__is_active=True, memberships__user__is_active=True))
        return super().get_queryset(request).annotate(active_staff=active)

    @admin.display(description=_("active staff"), ordering="active_staff")
    def staff(self, clinic: Any) -> int:
        return int(clinic.active_staff)


@admin.register(ApiToken)
class ApiTokenAdmin(NeverDeleted, admin.ModelAdmin):
    """Tokens are made by their owners; here they are seen and revoked. No secret exists that could be shown."""

    list_display = ("name", "owner", "clinic", "created_at", "last_used_at", "expires_at", "state")
    list_filter = ("membership__clinic", "expires_at")
    list_select_related = ("membership__user", "membership__clinic")
    search_fields = ("name", "membership__user__email", "membership__user__full_name")
    fields = ("name", "membership", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
    readonly_fields = fields
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description=_("owner"), ordering="membership__user__full_name")
    def owner(self, token: ApiToken) -> str:
        return str(token.membership.user)

    @admin.display(description=_("clinic"), ordering="membership__clinic__name")
    def clinic(self, token: ApiToken) -> str:
        return str(token.membership.clinic)

    @admin.display(description=_("state"))
    def state(self, token: ApiToken) -> str:
        if token.revoked_at:
            return gettext("revoked")
        return gettext("expired") if token.expires_at <= timezone.now() else gettext("usable")

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        revoked = ApiToken.objects.filter(pk__in=queryset.values("pk")).revoke()
        sentence = ngettext("%(count)d token revoked.", "%(count)d tokens revoked.", revoked) % {"count": revoked}
        self.message_user(request, sentence, messages.SUCCESS if revoked else messages.WARNING)
