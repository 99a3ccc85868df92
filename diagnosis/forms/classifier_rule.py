from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnosis.models.classifier_rule import ClassifierState


class ClassifierRuleForm(forms.Form):
    """What is to hold for a classifier or all of a modality. `everywhere` only for who runs the installation."""

    subject = forms.ChoiceField(label=_("Which"))
    state = forms.ChoiceField(
        label=_("State"),
        choices=[("", "–"), *ClassifierState.choices],
        help_text=_(
            "Active: results are shown. On trial: it answers, and nobody sees the results. Off: it is not asked. "
            "Stopped: it is not asked, and earlier results carry a warning."
        ),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        help_text=_("Readers see it where a stop concerns them. It is kept for good; do not name a patient."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": 60}),
    )
    # The newest rule on the page when it was shown, 0 for none: a click on an old page must not undo a stop.
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    everywhere = forms.BooleanField(label=_("In all clinics of this installation"), required=False)

    def __init__(self, *args: Any, subjects: Iterable[tuple[str, str]], may_everywhere: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subject"] = forms.ChoiceField(label=_("Which"), choices=[("", "–"), *subjects])
        if not may_everywhere:
            del self.fields["everywhere"]
