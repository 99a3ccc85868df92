"""Sentences that a reader may put into a report, by modality and category; nothing is written unasked.

The categories are those of the RSNA consensus on chest CT in COVID-19 (Simpson et al., Radiology: Cardiothoracic
Imaging 2020;2(2):e200152). CO-RADS (Prokop et al., Radiology 2020;296:E97) grades chest CT alone; the grades here are
the usual counterparts of the categories, and the reader's own judgement replaces them. The wording is this portal's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from diagnosis.models.review import Category
from diagnosis.models.scan import Modality


class Part(StrEnum):
    """The field of the report that a sentence belongs to."""

    FINDINGS = "findings"
    IMPRESSION = "impression"


@dataclass(frozen=True)
class Suggestion:
    category: Category
    part: Part
    text: str


# CO-RADS 0 is an image that cannot be judged, 6 a case proven by a viral test; neither follows from a category.
CO_RADS: dict[Category, str] = {
    Category.TYPICAL: "4 to 5",
    Category.INDETERMINATE: "3",
    Category.ATYPICAL: "2",
    Category.NEGATIVE: "1",
}

_TEST = "The viral test, not the image, makes the diagnosis."

_CT: dict[Category, dict[Part, tuple[str, ...]]] = {
    Category.TYPICAL: {
        Part.FINDINGS: (
            "Peripheral, bilateral ground-glass opacities.",
            "Multifocal rounded ground-glass opacities, with consolidation in part.",
            "Reversed halo sign.",
        ),
        Part.IMPRESSION: (
            f"Appearance often seen in COVID-19 pneumonia (CO-RADS 5). Influenza and others may look alike. {_TEST}",
            f"Appearance suspicious of COVID-19 pneumonia, not all features typical (CO-RADS 4). {_TEST}",
        ),
    },
    Category.INDETERMINATE: {
        Part.FINDINGS: (
            "Diffuse perihilar ground-glass opacity, neither rounded nor peripheral.",
            "Few small ground-glass opacities without a typical distribution.",
        ),
        Part.IMPRESSION: (
            f"Appearance possible in COVID-19 pneumonia; other causes are as likely (CO-RADS 3). {_TEST}",
        ),
    },
    Category.ATYPICAL: {
        Part.FINDINGS: (
            "Lobar consolidation without ground-glass opacity.",
            "Centrilobular nodules with a tree-in-bud pattern.",
            "Cavitation.",
            "Smooth septal thickening with pleural effusion.",
        ),
        Part.IMPRESSION: ("Appearance unusual for COVID-19 pneumonia; another diagnosis is more likely (CO-RADS 2): ",),
    },
    Category.NEGATIVE: {
        Part.FINDINGS: ("No opacity in either lung.", "No pleural effusion, no enlarged lymph nodes."),
        Part.IMPRESSION: (
            f"No sign of pneumonia on CT (CO-RADS 1). Early in its course COVID-19 may show nothing. {_TEST}",
        ),
    },
}

_CXR: dict[Category, dict[Part, tuple[str, ...]]] = {
    Category.TYPICAL: {
        Part.FINDINGS: (
            "Bilateral opacities, predominantly peripheral and in the lower zones.",
            "Multifocal patchy opacities in both lungs.",
        ),
        Part.IMPRESSION: (
            f"Appearance often seen in COVID-19 pneumonia; other viral pneumonias may look alike. {_TEST}",
        ),
    },
    Category.INDETERMINATE: {
        Part.FINDINGS: ("Unilateral or perihilar opacity without a typical distribution.",),
        Part.IMPRESSION: (f"Opacity that does not tell one pneumonia from another. {_TEST}",),
    },
    Category.ATYPICAL: {
        Part.FINDINGS: (
            "Lobar consolidation.",
            "Pleural effusion.",
            "Cavity.",
            "Pneumothorax.",
            "Signs of congestion.",
        ),
        Part.IMPRESSION: ("Appearance unusual for COVID-19 pneumonia; another diagnosis is more likely: ",),
    },
    Category.NEGATIVE: {
        Part.FINDINGS: (
            "Both lungs clear. No pleural effusion, no pneumothorax.",
            "Heart and mediastinum of normal size and shape.",
        ),
        Part.IMPRESSION: (
            f"No sign of pneumonia on this X-ray. A normal chest X-ray does not exclude COVID-19. {_TEST}",
        ),
    },
}


def for_modality(modality: Modality) -> list[Suggestion]:
    """Every sentence for images of that kind, in the order of the categories, findings first."""
    return list(_flat(_CT if modality == Modality.CT else _CXR))


def co_rads(modality: Modality, category: Category) -> str:
    """The CO-RADS grade that usually goes with the category, as text; empty for anything but CT."""
    return CO_RADS[category] if modality == Modality.CT else ""


def _flat(table: dict[Category, dict[Part, tuple[str, ...]]]) -> Iterator[Suggestion]:
    for category, parts in table.items():
        for part, texts in parts.items():
            for text in texts:
                yield Suggestion(category, part, text)
