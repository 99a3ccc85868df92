from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnosis.models.review import Category


class SecondLookForm(forms.Form):
    """What a second reader sees, without knowing what others said."""

    category = forms.TypedChoiceField(
        label=_("What do you see?"), choices=Category.choices, coerce=Category, widget=forms.RadioSelect
    )
    needs_action = forms.BooleanField(required=False, label=_("Something has to be done for the patient"))
    note = forms.CharField(
        label=_("Comment"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )
