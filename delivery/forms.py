from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from delivery.models import Content, Destination, Kind
from delivery.models.destination import CONTENTS_OF, NEEDED

# What is asked for each kind.
FIELDS = {
    Kind.DICOM: ("name", "host", "port", "called_title", "calling_title", "tls"),
    Kind.HL7: ("name", "host", "port", "tls"),
    Kind.WEBHOOK: ("name", "url", "secret"),
}


class DestinationForm(forms.ModelForm):
    contents = forms.MultipleChoiceField(
        label=_("What it receives"), required=False, widget=forms.CheckboxSelectMultiple
    )
    url = forms.URLField(
        label=_("Address"), max_length=500, assume_scheme="https", help_text=_("Begins with https://.")
    )
    secret = forms.CharField(
        label=_("Secret"),
        required=False,
        min_length=24,
        max_length=200,
        help_text=_(
            "The receiver knows by it that an event is the portal’s. It is kept encrypted and never shown again; left "
            "empty, it stays as it is."
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Destination
        fields = ("name", "host", "port", "called_title", "calling_title", "tls", "url", "contents", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = Kind(self.instance.kind)
        for name in {*self.fields} - {*FIELDS[kind], "contents", "is_active"}:
            del self.fields[name]
        contents: Any = self.fields["contents"]
        contents.choices = [(one.value, one.label) for one in CONTENTS_OF[kind]]
        self.fields["is_active"].help_text = ""
        for name in NEEDED[kind]:
            self.fields[name].required = True
        if "secret" in self.fields:
            self.fields["secret"].required = not self.instance.encrypted_secret

    def clean_contents(self) -> list[Content]:
        return [Content(one) for one in self.cleaned_data["contents"]]

    def validate_unique(self) -> None:
        """With the clinic, which is no field of the form."""
        try:
            self.instance.validate_constraints(exclude=None)
        except forms.ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]

    def save(self, commit: bool = True) -> Destination:
        if secret := self.cleaned_data.get("secret"):
            self.instance.secret = secret
        saved: Destination = super().save(commit)
        return saved
