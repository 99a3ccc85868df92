from __future__ import annotations

import uuid

from django import forms


class CorrectionForm(forms.Form):
    """Why, and what the person had before their eyes when they confirmed."""

    reason = forms.CharField(
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Stays with the correction for ever, for everybody who asks later.",
        error_messages={"required": "Say why, so that the trail explains itself later."},
    )


class MoveForm(CorrectionForm):
    scans = forms.TypedMultipleChoiceField(
        coerce=uuid.UUID,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one scan."},
    )
