from __future__ import annotations

import time
from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext_lazy as _

from portal.contact import one_line

SALT = "portal.contact"
# Nobody reads the form and writes a message faster; programs do.
FASTEST_SECONDS = 3
SLOWEST_SECONDS = 24 * 3600
TOO_FAST = _("The form was sent unusually fast. Please send it once more.")


def opening_stamp() -> str:
    """When the form was opened, signed."""
    return signing.dumps(int(time.time()), salt=SALT)


class ContactForm(forms.Form):
    name = forms.CharField(label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(
        label=_("Your e-mail address"),
        help_text=_("Only used to answer you."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    subject = forms.CharField(label=_("Subject"), max_length=160)
    body = forms.CharField(
        label=_("Message"),
        max_length=4000,
        help_text=_("No names, record numbers, dates of birth or images of patients."),
        widget=forms.Textarea(attrs={"rows": 8}),
    )
    # People cannot see it and browsers leave it alone; a program that fills every field gives itself away.
    website = forms.CharField(
        required=False,
        label=_("Leave this empty"),
        widget=forms.TextInput(attrs={"tabindex": "-1", "autocomplete": "off"}),
    )
    opened = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["opened"].initial = opening_stamp

    @property
    def message(self) -> dict[str, str]:
        """What the visitor wrote, without what only guards the form."""
        return {field: self.cleaned_data[field] for field in ("name", "email", "subject", "body")}

    @property
    def is_trapped(self) -> bool:
        """Whether a program filled the field that people cannot see."""
        return bool(self.data.get(self.add_prefix("website")))

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])

    def clean_subject(self) -> str:
        return one_line(self.cleaned_data["subject"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not _took_its_time(cleaned.get("opened", "")):
            self._stamp_again()
            raise forms.ValidationError(TOO_FAST, code="too_fast")
        return cleaned

    def _stamp_again(self) -> None:
        """The page that comes back carries a stamp of now, so that the second try of a person passes."""
        self.data = {**{name: self.data[name] for name in self.data}, self.add_prefix("opened"): opening_stamp()}


def _took_its_time(stamp: str) -> bool:
    try:
        opened = signing.loads(stamp, salt=SALT)
    except signing.BadSignature:
        return False
    return FASTEST_SECONDS <= time.time() - opened <= SLOWEST_SECONDS
