from __future__ import annotations

from django import forms


def _words(label: str, rows: int, limit: int, *, required: bool = True) -> forms.CharField:
    return forms.CharField(label=label, required=required, max_length=limit, widget=forms.Textarea({"rows": rows}))


def _password() -> forms.CharField:
    return forms.CharField(
        label="Your password",
        strip=False,
        help_text="A signature is yours alone, so it asks again.",
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


class ReviseReportForm(forms.Form):
    """The words of a preliminary report."""

    findings = _words("Findings", 7, 8000, required=False)
    impression = _words("Impression", 4, 4000)


class SignReportForm(forms.Form):
    password = _password()


class AddendumForm(forms.Form):
    text = _words("Addendum", 4, 4000)
    password = _password()
