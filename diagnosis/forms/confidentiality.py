from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.models import User
from diagnosis.models import Patient
from diagnosis.models.confidentiality import EmergencyKind
from diagnosis.rules import confidentiality as rules


class EmergencyForm(forms.Form):
    """Why somebody opens a confidential record who is not named for it."""

    kind = forms.ChoiceField(
        label=_("What is it?"),
        choices=EmergencyKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what comes nearest.")},
    )
    reason = forms.CharField(
        label=_("Why?"),
        min_length=rules.SHORTEST_REASON,
        max_length=400,
        help_text=_("A few words: the clinic’s administrators read them now."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": rules.REASON_NEEDED,
            "min_length": ngettext_lazy(
                "Write at least %(limit_value)d letter.", "Write at least %(limit_value)d letters.", "limit_value"
            ),
        },
    )


class PeopleForm(forms.Form):
    """Who is to see a confidential record."""

    people = forms.ModelMultipleChoiceField(
        queryset=User.objects.none(),
        label=_("Who sees the record"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, data: Any = None, *, patient: Patient) -> None:
        super().__init__(data)
        field = self.fields["people"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        named = rules.named(patient.pk).values("user")
        field.queryset = rules.colleagues(patient).exclude(pk__in=named)
        field.label_from_instance = _with_role(patient)  # type: ignore[method-assign]


def _with_role(patient: Patient) -> Any:
    """A function from a person to their name and their role in the clinic; one query for all of them."""
    roles = {
        one.user_id: one.role_class.name for one in patient.clinic.memberships.active().select_related("user", "clinic")
    }

    def label(user: User) -> str:
        return f"{user.full_name} ({roles.get(user.pk, '')})"

    return label


class ReviewForm(forms.Form):
    """What an administrator found when they looked at an emergency access."""

    remark = forms.CharField(
        label=_("Remark"), max_length=400, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
