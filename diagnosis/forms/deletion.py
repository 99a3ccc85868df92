from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnosis.models import RetentionRule


class ReasonForm(forms.Form):
    """Why something is to be deleted, or is not to be."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        help_text=_("It is kept for good. Do not name the patient here."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class RetentionForm(forms.ModelForm):
    class Meta:
        model = RetentionRule
        fields = ("years", "until_age")
