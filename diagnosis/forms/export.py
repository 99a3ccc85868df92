from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class ProofForm(forms.Form):
    """The password, where no proof of it holds in the session."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        help_text=_("What leaves the portal is out of its hands, so your password is asked for again."),
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, data: Any = None, *, is_proven: bool) -> None:
        super().__init__(data)
        self.fields["password"].required = not is_proven
