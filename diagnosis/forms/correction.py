from __future__ import annotations

import uuid

from django import forms
from django.utils.translation import gettext_lazy as _


class CorrectionForm(forms.Form):
    """Why, and what the person had before their eyes when they confirmed."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The reason is kept with the correction permanently, for anyone who needs to know later."),
        error_messages={"required": _("Give a reason, so that the record can be understood later.")},
    )


class MoveForm(CorrectionForm):
    scans = forms.TypedMultipleChoiceField(
        coerce=uuid.UUID,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one scan.")},
    )
