from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from diagnosis.models.scan import Modality

FROM_FILE = ""
ACCEPT = "image/png,image/jpeg,.dcm,application/dicom,.zip,application/zip"


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """One or many files. Empty ones pass: the intake has a better sentence for them, with the file's name."""

    widget = ManyFilesInput(attrs={"accept": ACCEPT})

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = [file for file in data or [] if file]
        if self.required and not files:
            raise forms.ValidationError(_("Choose at least one file."))
        return files


class UploadForm(forms.Form):
    modality = forms.TypedChoiceField(
        label=_("What do these files show?"),
        choices=[*Modality.choices, (FROM_FILE, _("Taken from the file (DICOM)"))],
        coerce=Modality,
        empty_value=None,
        required=False,
        initial=FROM_FILE,
        widget=forms.RadioSelect,
    )
    # On the instance, Django keeps the request's files under the same name.
    files = ManyFilesField()  # type: ignore[assignment]
    urgent = forms.BooleanField(required=False, label=_("Urgent: put these forward in the reading queue"))
    # Which differences of header and record the person has compared: each `IdentityMismatch.comparison`, with spaces.
    compared = forms.CharField(required=False, max_length=64 * 65, widget=forms.HiddenInput)

    accept = ACCEPT
    most_bytes = settings.UPLOAD_MAX_BYTES
    most_archive_bytes = settings.UPLOAD_MAX_ARCHIVE_BYTES
    most_text = f"{settings.UPLOAD_MAX_BYTES // 2**20} MB"

    def clean_compared(self) -> frozenset[str]:
        return frozenset(self.cleaned_data["compared"].split())
