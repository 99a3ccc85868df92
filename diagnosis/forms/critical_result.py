from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from diagnosis.models import Study
from diagnosis.rules.critical_results import addressees


class CriticalResultForm(forms.Form):
    """Marks a finding as critical and names who is told."""

    finding = forms.CharField(
        label=_("Finding"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("In words that can be acted on. The person who is told reads them as you write them."),
        error_messages={"required": _("Write what was found. The person who is told reads these words.")},
    )
    recipient = forms.ModelChoiceField(
        queryset=User.objects.none(),
        required=False,
        label=_("Person of the clinic"),
        help_text=_("Is told at once, here and by e-mail."),
    )
    outsider_name = forms.CharField(label=_("Or somebody outside: name"), max_length=200, required=False)
    outsider_phone = forms.CharField(label=_("Telephone"), max_length=60, required=False)
    escalate_to = forms.ModelChoiceField(
        queryset=User.objects.none(),
        required=False,
        label=_("If nobody acknowledges it, tell also"),
        help_text=_("The clinic's administrators are told then in any case."),
    )

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("recipient", "escalate_to"):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = addressees(study)


class CallForm(forms.Form):
    """Whom somebody told by telephone, and when."""

    told_to = forms.CharField(label=_("Told by telephone to"), max_length=200)
    told_at = forms.DateTimeField(
        label=_("At"),
        initial=timezone.now,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class WithdrawalForm(forms.Form):
    """Why a critical result does not hold."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        help_text=_("Whoever was told of it is told that it is withdrawn, and reads this reason."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
