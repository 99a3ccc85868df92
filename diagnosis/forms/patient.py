from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from diagnosis.models import Patient
from diagnosis.models.patient import Sex

NUMBER_TAKEN = _("This clinic already has a patient with this record number. Open that record, or correct the number.")


class PatientForm(forms.Form):
    medical_record_number = forms.CharField(
        label=_("Record number"),
        max_length=64,
        help_text=_("As on the wristband or the request; unique in your clinic."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
    )
    family_name = forms.CharField(
        label=_("Family name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    given_name = forms.CharField(
        label=_("Given name"), max_length=120, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    birth_date = forms.DateField(
        label=_("Birth date"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    sex = forms.ChoiceField(label=_("Sex"), choices=Sex.choices, initial=Sex.UNKNOWN)

    @classmethod
    def values_of(cls, patient: Patient) -> dict[str, Any]:
        return {name: getattr(patient, name) for name in cls.base_fields}

    def carry_out(self, action: Callable[[dict[str, Any]], Patient]) -> Patient | None:
        """Call `action` with the fields if they are good; what it refuses becomes an error beside its field."""
        if not self.is_valid():
            return None
        try:
            return action(self.cleaned_data)
        except ValidationError as error:
            self._take_over(error)
            return None

    def _take_over(self, error: ValidationError) -> None:
        for name, sentences in error.message_dict.items():
            if name in self.fields:
                self.add_error(name, sentences)
            else:
                # The only rule over several fields is that of the number.
                self.add_error("medical_record_number", NUMBER_TAKEN)
