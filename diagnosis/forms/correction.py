from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnosis.models import Scan, Series, Study


class CorrectionForm(forms.Form):
    """Why, and what the person had before their eyes when they confirmed."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The reason is kept with the correction permanently, for anyone who needs to know later."),
        error_messages={"required": _("Give a reason, so that the record can be understood later.")},
    )


class MoveForm(CorrectionForm):
    scans = forms.TypedMultipleChoiceField(
        coerce=uuid.UUID,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one scan.")},
    )


class RegroupForm(CorrectionForm):
    """`images`, with all images of the chosen `series`; `target` is the key of a study, or empty for a new one."""

    images = forms.TypedMultipleChoiceField(coerce=uuid.UUID, required=False)
    series = forms.TypedMultipleChoiceField(coerce=uuid.UUID, required=False)
    target = forms.TypedChoiceField(coerce=uuid.UUID, empty_value=None, required=False)

    def __init__(self, data: Any, *, series: Mapping[Series, Sequence[Scan]], others: Iterable[Study]) -> None:
        super().__init__(data)
        self._images_of = {one.pk: [image.pk for image in images] for one, images in series.items()}
        for name, keys in (
            ("images", [key for images in self._images_of.values() for key in images]),
            ("series", list(self._images_of)),
            ("target", ["", *(study.pk for study in others)]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(key, key) for key in keys]

    @property
    def chosen(self) -> set[uuid.UUID]:
        """The images that are to move."""
        whole = (key for one in self.cleaned_data["series"] for key in self._images_of[one])
        return {*self.cleaned_data["images"], *whole}
