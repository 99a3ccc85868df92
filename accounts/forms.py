"""Forms of sign-in and of one's own account."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm
from django import forms

from accounts.models import Membership, User


class SignInForm(LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "E-mail address"
        # What password managers look for beside a password.
        login.widget.attrs = {"autocomplete": "username", "autofocus": True}


class MembershipField(forms.ModelChoiceField):
    def label_from_instance(self, membership: Membership) -> str:
        return f"{membership.clinic} as {membership.role_class.name}"


class TokenForm(forms.Form):
    """Name and clinic of a new API token; the clinics are those in which `user` works."""

    name = forms.CharField(
        label="What will use it?",
        max_length=80,
        help_text="For example “ward 3 scanner”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    membership = MembershipField(
        queryset=Membership.objects.none(),
        label="Acts in",
        help_text="The token can do what you can do there.",
        empty_label=None,
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["membership"]
        assert isinstance(field, MembershipField)
        field.queryset = user.memberships.active().select_related("clinic", "user")
