"""Key images as the script of the reading page sends them: JSON from a browser, which may be anything."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from diagnosis.scans.measuring import Shape

AT_MOST, MEASURED_AT_MOST = 40, 40
# So long is the longest text that is kept with a draft; what is longer could only be cut into nonsense.
LONGEST = 100_000
WIDEST = 1e6


@dataclass(frozen=True)
class MarkedImage:
    """One image with what was measured on it. `is_key`: it goes into the report; else only the draft keeps it.

    `window` is (centre, width) in the image's meaningful values; None: as the file asks to be shown.
    """

    image: uuid.UUID
    is_key: bool
    window: tuple[float, float] | None
    inverted: bool
    shapes: tuple[Shape, ...]

    @classmethod
    def read(cls, sent: Mapping[str, Any]) -> Self:
        """Raises ValueError, KeyError or TypeError."""
        shapes = tuple(Shape.read(one) for one in sent["measurements"][:MEASURED_AT_MOST])
        window = sent.get("window")
        return cls(
            uuid.UUID(sent["image"]), sent["key"] is True, _window(window) if window else None,
            sent.get("inverted") is True, shapes,
        )  # fmt: skip


def _window(sent: Mapping[str, Any]) -> tuple[float, float]:
    centre, width = float(sent["centre"]), float(sent["width"])
    if not (math.isfinite(centre) and abs(centre) < WIDEST and 0 < width < WIDEST):
        raise ValueError("no such window")
    return centre, width


class MarkedImagesField(forms.CharField):
    """A list of MarkedImage; None where nothing was sent, as by a page without scripts."""

    widget = forms.HiddenInput
    default_error_messages = {
        "unreadable": _("The key images could not be read. Reload the page; what you typed is kept."),
    }

    def __init__(self) -> None:
        super().__init__(required=False, max_length=LONGEST, strip=True)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return [MarkedImage.read(one) for one in json.loads(text)[:AT_MOST]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValidationError(self.error_messages["unreadable"], code="unreadable") from error
