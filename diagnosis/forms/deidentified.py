from __future__ import annotations

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from diagnosis.forms.export import ProofForm


class DeidentifiedForm(ProofForm):
    """What an export without names is for, and why; the keys of what is in it are fields of the page."""

    purpose = forms.CharField(
        label=_("Project"),
        max_length=40,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]+$", _("Use small letters, digits and hyphens."))],
        help_text=_(
            "A short name such as nodules-2026. A patient has the same pseudonym in all exports of a project, and "
            "another one in every other project."
        ),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        help_text=_("Who gets it, and on whose authority. It is kept in the audit trail."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    field_order = ("purpose", "reason", "password")
