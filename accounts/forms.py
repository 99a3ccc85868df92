"""Forms of sign-in and of one's own account."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account import forms as account
from django import forms
from django.conf import settings
from django.contrib.auth import forms as django
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.locale import language_choices, time_zone_choices
from accounts.logo import read_logo
from accounts.models import Clinic, Letterhead, Membership, User
from accounts.roles import role_choices
from accounts.scopes import Choice


class Labelled:
    """Our labels on allauth's fields, which repeat theirs inside the control where they vanish as one types."""

    labels: ClassVar[dict[str, Any]] = {}
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = self.labels.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)


class SignInForm(Labelled, account.LoginForm):
    labels = {"login": _("E-mail address")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What password managers look for beside a password.
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "autofocus": True}


class ConfirmForm(Labelled, account.ReauthenticateForm):
    """Asks for the password of somebody who is signed in."""


class ChangePasswordForm(Labelled, account.ChangePasswordForm):
    labels = {
        "oldpassword": _("Current password"),
        "password1": _("New password"),
        "password2": _("New password, once more"),
    }


class ForgottenPasswordForm(Labelled, account.ResetPasswordForm):
    labels = {"email": _("E-mail address")}


class NewPasswordForm(Labelled, account.ResetPasswordKeyForm):
    labels = {"password1": _("New password"), "password2": _("New password, once more")}


# Days that a token may last, where that is shorter than the portal lets any last.
LIFETIMES = (1, 7, 30)


class MembershipField(forms.ModelChoiceField):
    def label_from_instance(self, membership: Membership) -> str:
        return membership.as_text()


class TokenForm(forms.Form):
    """Name and clinic of a new API token; the clinics are those in which `user` works."""

    name = forms.CharField(
        label=_("What will use it?"),
        max_length=80,
        help_text=_("For example “ward 3 scanner”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    membership = MembershipField(
        queryset=Membership.objects.none(),
        label=_("Works in"),
        help_text=_("The token can do what you can do there."),
        empty_label=None,
    )

    scopes = forms.ChoiceField(
        label=_("It may"),
        choices=Choice.choices,
        help_text=_("Choose as little as the program needs."),
    )
    days = forms.TypedChoiceField(label=_("It lasts"), coerce=int)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = self.fields["days"]
        assert isinstance(days, forms.ChoiceField)
        days.choices = _lifetimes()
        days.initial = settings.API_TOKEN_LIFETIME.days
        field = self.fields["membership"]
        assert isinstance(field, MembershipField)
        field.queryset = user.memberships.active().select_related("clinic", "user")


def _lifetimes() -> list[tuple[int, str]]:
    """Days: some that are shorter than the longest, and that."""
    longest = settings.API_TOKEN_LIFETIME.days
    offered = [*(one for one in LIFETIMES if one < longest), longest]
    return [(one, ngettext("%(days)d day", "%(days)d days", one) % {"days": one}) for one in offered]


class NameSelect(forms.Select):
    """Options are names: of languages in their own words, of time zones as the database spells them."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if value:
            option["attrs"]["translate"] = "no"
        return option


class LocaleForm(forms.ModelForm):
    """Language and time zone, of a person or of a clinic. `unset` names what holds where none is chosen."""

    unset_language: Any = ""
    unset_time_zone: Any = ""
    language = forms.ChoiceField(label=_("Language"), required=False, widget=NameSelect)
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False, widget=NameSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = {
            "language": [("", self.unset_language), *language_choices()],
            "time_zone": [("", self.unset_time_zone), *time_zone_choices()],
        }
        for name, chosen in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = chosen


class PersonLocaleForm(LocaleForm):
    unset_language = _("As my clinic")
    unset_time_zone = _("As my clinic")

    class Meta:
        model = User
        fields = ("language", "time_zone")


class ClinicLocaleForm(LocaleForm):
    """The administration's form of a clinic."""

    unset_language = _("As each browser asks")
    unset_time_zone = _("As the portal")

    class Meta:
        model = Clinic
        fields = ("name", "is_active", "language", "time_zone")


class LetterheadForm(forms.ModelForm):
    """The administration's form of a letterhead: a logo is chosen anew, or left out."""

    new_logo = forms.FileField(label=_("New logo"), required=False, help_text=_("PNG or JPEG, up to 2 MB."))
    without_logo = forms.BooleanField(label=_("Print no logo"), required=False)

    class Meta:
        model = Letterhead
        fields = ("address",)

    def clean_new_logo(self) -> bytes | None:
        file = self.cleaned_data["new_logo"]
        return read_logo(file, file.size) if file else None

    def save(self, commit: bool = True) -> Any:
        if self.cleaned_data["without_logo"]:
            self.instance.logo = None
        elif self.cleaned_data["new_logo"]:
            self.instance.logo = self.cleaned_data["new_logo"]
        return super().save(commit)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=role_choices)


class InviteForm(RoleForm):
    """Somebody who is to work in the administrator's clinic."""

    full_name = forms.CharField(
        label=_("Full name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("They sign in with it."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("full_name", "email", "role")


class AccountForm(django.AdminUserCreationForm):
    """The administration's form of a new account."""

    usable_password = forms.ChoiceField(
        label=_("Password"),
        required=False,
        initial="false",
        choices={
            "false": _("The person chooses one through “Forgot your password?” on the sign-in page"),
            "true": _("I set one now"),
        },
        widget=forms.RadioSelect(attrs={"class": "radiolist"}),
    )


class ChangeAccountForm(django.UserChangeForm):
    """The administration's form of an account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "password" in self.fields and not self.instance.has_usable_password():
            self.fields["password"].help_text = _("The person can choose one through “Forgot your password?”.")
