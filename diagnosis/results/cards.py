"""The model cards that lie beside the weights: what was measured, on what, and what the numbers are worth."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.urls import reverse

from ml.spec import NAME, VERSION

FILE = "CARD.md"


def text(identity: str) -> str | None:
    """The card of a classifier or ensemble, in Markdown; None where there is none for this very version."""
    path = _path(identity)
    return path.read_text(encoding="utf-8") if path else None


def url(identity: str) -> str:
    """The address of the card's page; empty where there is no card."""
    return reverse("diagnosis:model-card", args=identity.split("/")) if _path(identity) else ""


def _path(identity: str) -> Path | None:
    name, _, version = identity.partition("/")
    # Checked: the words come from an address, and become a path.
    if not (NAME.fullmatch(name) and VERSION.fullmatch(version)):
        return None
    path = settings.ML_WEIGHTS_ROOT / name / version / FILE
    return path if path.is_file() else None
