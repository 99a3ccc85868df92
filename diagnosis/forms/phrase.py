from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnosis.models import Phrase
from diagnosis.models.modality import Modality

HELP = _("Write what is to be filled in each time in brackets: [side], [size] mm.")


class PhraseForm(forms.ModelForm):
    """Words for the findings, for the impression, or for both."""

    class Meta:
        model = Phrase
        fields: ClassVar[list[str]] = ["name", "modality", "findings", "impression"]
        widgets: ClassVar[dict[str, Any]] = {
            "findings": forms.Textarea({"rows": 5}),
            "impression": forms.Textarea({"rows": 3}),
        }
        labels: ClassVar[dict[str, Any]] = {
            "name": _("Name"),
            "modality": _("Offered with"),
            "findings": _("Findings"),
            "impression": _("Impression"),
        }
        help_texts: ClassVar[dict[str, Any]] = {"findings": HELP}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        modality = self.fields["modality"]
        assert isinstance(modality, forms.ChoiceField)
        modality.choices = [("", _("every modality")), *Modality.choices]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if not (cleaned.get("findings") or cleaned.get("impression")) and not self.errors:
            raise forms.ValidationError(_("Write something for the findings or for the impression."))
        return cleaned
