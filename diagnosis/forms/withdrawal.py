from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from diagnosis.models import Scan

MOST_BOXES = 12  # a study of more images is taken back by its series


class TakeBackForm(forms.Form):
    """Which images of a study, and why. A box stands for one image, or for a whole series of many."""

    images = forms.MultipleChoiceField(
        label=_("What to take back"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one image.")},
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        required=False,
        help_text=_("It is kept with the images, where the clinic’s administrator can read it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, images: Sequence[Scan]) -> None:
        super().__init__(data)
        self._groups = _by_series(images) if len(images) > MOST_BOXES else {str(image.pk): [image] for image in images}
        choices = [(key, _title(group)) for key, group in self._groups.items()]
        self.fields["images"].choices = choices  # type: ignore[attr-defined]
        self.fields["images"].initial = list(self._groups)

    def clean_images(self) -> list[uuid.UUID]:
        return [image.pk for key in self.cleaned_data["images"] for image in self._groups[key]]


def _by_series(images: Sequence[Scan]) -> dict[str, list[Scan]]:
    groups: dict[str, list[Scan]] = {}
    for image in images:
        groups.setdefault(str(image.series_id), []).append(image)
    return groups


def _title(group: list[Scan]) -> str:
    if len(group) == 1:
        return group[0].original_name
    count = ngettext("%(count)d image", "%(count)d images", len(group)) % {"count": len(group)}
    return f"{group[0].series.description or group[0].original_name} ({count})"
