from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from diagnosis.models.scan import Modality
from diagnosis.models.study import Priority
from diagnosis.scans.request import WORDS, Request, plausible_day

FROM_FILE = ""
AS_STATED, ON_A_DAY, UNKNOWN = "", "on", "unknown"
WHEN = (
    (AS_STATED, _("As the file says")),
    (ON_A_DAY, _("On this date")),
    (UNKNOWN, _("Not known")),
)
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
    examined = forms.ChoiceField(
        label=_("When were they taken?"),
        choices=WHEN,
        required=False,
        initial=AS_STATED,
        widget=forms.RadioSelect,
    )
    examined_on = forms.DateField(
        label=_("Date of the examination"),
        required=False,
        validators=[plausible_day],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    referring_physician = forms.CharField(label=_("Referrer"), max_length=200, required=False)
    ward = forms.CharField(label=_("Ward or practice"), max_length=120, required=False)
    clinical_question = forms.CharField(
        label=_("Clinical question"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    symptoms = forms.CharField(
        label=_("Symptoms"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    priority = forms.ChoiceField(
        label=_("Priority, as the referrer asked"), choices=[("", _("Not stated")), *Priority.choices], required=False
    )
    # Loose files with the same key are one examination; the script makes one up when a person says that they are.
    examination = forms.UUIDField(required=False, widget=forms.HiddenInput)
    together = forms.BooleanField(required=False, label=_("These files are views of one examination"))
    # Which differences of header and record the person has compared: each `IdentityMismatch.comparison`, with spaces.
    compared = forms.CharField(required=False, max_length=64 * 65, widget=forms.HiddenInput)
    # Patients whose files are theirs where they bear their record numbers: keys, with spaces.
    instead = forms.CharField(required=False, max_length=64 * 37, widget=forms.HiddenInput)

    # What a page that asks for a file once more has to bring again.
    repeated = ("modality", "urgent", "examined", "examined_on", "examination", "priority", *WORDS)

    accept = ACCEPT
    most_bytes = settings.UPLOAD_MAX_BYTES
    most_archive_bytes = settings.UPLOAD_MAX_ARCHIVE_BYTES
    most_text = f"{settings.UPLOAD_MAX_BYTES // 2**20} MB"

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or self.cleaned_data
        if fields.get("examined") == ON_A_DAY and not fields.get("examined_on") and "examined_on" not in self.errors:
            self.add_error("examined_on", _("Give the date, or choose that it is not known."))
        return fields

    @property
    def request(self) -> Request:
        """What is said of the examination, once the form is valid."""
        fields = self.cleaned_data
        said = {name: fields[name] for name in WORDS}
        return Request(
            examined_on=fields["examined_on"] if fields["examined"] == ON_A_DAY else None,
            is_date_unknown=fields["examined"] == UNKNOWN,
            examination=fields["examination"] or (uuid.uuid4() if fields["together"] else None),
            urgent=fields["urgent"],
            priority=fields["priority"],
            **said,
        )

    def clean_compared(self) -> frozenset[str]:
        return frozenset(self.cleaned_data["compared"].split())

    def clean_instead(self) -> frozenset[uuid.UUID]:
        key = forms.UUIDField()
        return frozenset(key.clean(one) for one in self.cleaned_data["instead"].split())
