from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def _words(label: StrOrPromise, rows: int, limit: int, *, required: bool = True) -> forms.CharField:
    return forms.CharField(label=label, required=required, max_length=limit, widget=forms.Textarea({"rows": rows}))


def _password() -> forms.CharField:
    return forms.CharField(
        label=_("Your password"),
        strip=False,
        help_text=_("A signature is personal, so your password is asked for again."),
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


class ReviseReportForm(forms.Form):
    """The words of a preliminary report."""

    findings = _words(_("Findings"), 7, 8000, required=False)
    impression = _words(_("Impression"), 4, 4000)


class SignReportForm(forms.Form):
    password = _password()


class AddendumForm(forms.Form):
    text = _words(_("Addendum"), 4, 4000)
    password = _password()
