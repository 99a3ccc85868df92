from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ml.imaging import DicomIdentity


class RejectForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        help_text=_("For example: a test of the modality, or sent to the wrong clinic."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def registration_of(identity: DicomIdentity) -> dict[str, Any]:
    """What a form that registers a patient begins with: the file's words, for a person to correct."""
    first = next(iter(identity.person.groups), None)
    given = " ".join(part for part in (first.given, first.middle) if part) if first else ""
    return {
        "medical_record_number": identity.patient_id,
        "family_name": first.family[:120] if first else "",
        "given_name": given[:120],
        "birth_date": identity.birth_date,
        "sex": identity.sex if identity.sex in ("F", "M", "O") else "U",
    }
