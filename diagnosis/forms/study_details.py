from __future__ import annotations

from typing import Any

from django import forms
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from diagnosis.forms.upload import UploadForm
from diagnosis.models import Study
from diagnosis.models.study import Priority
from diagnosis.rules import study_details
from diagnosis.scans.request import WORDS, plausible_day


class StudyDetailsForm(forms.Form):
    """The date of an examination, where no file states it, and its request."""

    examined_on = forms.DateField(
        label=_("Date of the examination"),
        required=False,
        validators=[plausible_day],
        help_text=_("Leave it empty where it is not known."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    priority = forms.ChoiceField(
        label=_("Priority"), choices=[("", _("Not stated")), *Priority.choices], required=False
    )

    def __init__(self, data: Any = None, *, study: Study) -> None:
        super().__init__(data, initial=_initial(study))
        for name in WORDS:
            self.fields[name] = UploadForm.base_fields[name]
        if not study_details.date_is_ours(study):
            del self.fields["examined_on"]
        self.order_fields(["examined_on", *WORDS, "priority"])


def _initial(study: Study) -> dict[str, Any]:
    said = {name: getattr(study, name) for name in (*WORDS, "priority")}
    return {**said, "examined_on": localtime(study.examined_at).date() if study.examined_at else None}
