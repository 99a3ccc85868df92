"""What the sections of a report begin with, from what is known of the study. The reader changes it as they like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from diagnosis import formats
from diagnosis.models import Scan, Series, Study
from diagnosis.results import examined
from diagnosis.results import images as image_words
from ml.imaging import Role


def prefilled(study: Study, images: Sequence[Scan], *, has_earlier: bool) -> dict[str, str]:
    """Indication, technique and comparison; a comparison with earlier studies is written as they are opened."""
    return {
        "indication": study.clinical_question,
        "technique": technique(study, images),
        "comparison": "" if has_earlier else _("No earlier study in this portal."),
    }


def technique(study: Study, images: Sequence[Scan]) -> str:
    """ "Chest X-ray. 2 images: PA, lateral."; of a CT with slice thickness and kernel of each reconstruction."""
    parts = [str(study.get_modality_display()), image_words.summary(images)]
    series = {image.series_id: image.series for image in images if image.role != Role.SCOUT}
    parts += dict.fromkeys(words for words in map(_reconstruction, series.values()) if words)
    return " ".join(f"{part}." for part in parts)


def _reconstruction(series: Series) -> str:
    known: list[str] = []
    if series.slice_thickness:
        thickness = formats.decimal(series.slice_thickness, 1)
        known.append(_("slice thickness %(thickness)s mm") % {"thickness": thickness})
    if series.kernel:
        known.append(_("kernel %(kernel)s") % {"kernel": series.kernel})
    words = ", ".join(known)
    return words[:1].upper() + words[1:]


def compared_with(scan: Scan) -> str:
    """An earlier study as a comparison names it: "Chest X-ray, 3 March 2024"."""
    said = {"examination": scan.get_modality_display(), "day": examined.day(scan.study)}
    return _("%(examination)s, %(day)s") % said


def named(words: Any) -> list[tuple[str, str]]:
    """Heading and words of the sections before the findings; those without words are left out."""
    parts = (
        (_("Indication"), words.indication),
        (_("Technique"), words.technique),
        (_("Comparison"), words.comparison),
    )
    return [(heading, text) for heading, text in parts if text]
