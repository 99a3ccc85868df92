from __future__ import annotations

import re
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from diagnosis.models.modality import Modality

KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class BeginForm(forms.Form):
    """For which modality a set of cases is begun."""

    modality = forms.ChoiceField(label=_("Modality"), choices=Modality.choices)


class ByHandForm(forms.Form):
    """An examination whose truth is not in a signed report of this portal."""

    study = forms.CharField(
        label=_("Address of the examination’s page"),
        max_length=300,
        help_text=_("Copied from the browser, or the key that it ends with."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    label = forms.ChoiceField(
        label=_("What is true"),
        choices=[("", "–"), ("abnormal", _("Abnormal lung")), ("normal", _("Not abnormal"))],
    )
    reason = forms.CharField(
        label=_("How you know it"),
        max_length=400,
        help_text=_("A CT of the same day, a culture, a follow-up. It is kept for good; do not name a patient."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_study(self) -> UUID:
        found = KEY.findall(self.cleaned_data["study"])
        if not found:
            raise ValidationError(_("There is no key of an examination in it."))
        return UUID(found[-1])


class ThresholdsForm(forms.Form):
    """Why the clinic takes the thresholds of a set, or goes back to those that ship."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        help_text=_("It is kept for good; do not name a patient."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    # The number of the newest decision when the page was shown, 0 for none: a click on an old page changes nothing.
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
