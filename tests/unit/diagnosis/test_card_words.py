"""What the cards of the shipped weights say is told in the reader's language, with the numbers that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override

import ml
from diagnosis.results import card_words

WEIGHTS = Path(ml.__file__).parent / "weights"
SAID = ("chosen_for", "measured_on", "zones_measured_on", "intended_use", "must_not_use", "licence")


def _said(card: dict[str, Any]) -> Iterator[str]:
    for name, value in card.items():
        if isinstance(value, dict):
            yield from _said(value)
        elif name.rpartition("/")[2] in SAID:
            yield value


def shipped() -> list[str]:
    cards = [*WEIGHTS.glob("*/*/spec.json"), *WEIGHTS.glob("*/*/panel.json")]
    return sorted({said for card in cards for said in _said(json.loads(card.read_text()))})


def test_cards_say_something() -> None:
    assert len(shipped()) >= 10


@pytest.mark.parametrize("said", shipped())
def test_what_a_shipped_card_says_is_told_in_german(said: str) -> None:
    assert card_words.tell(said) == said
    with override("de"):
        told = card_words.tell(said).replace("COVID-19-Muster", "covid")
    assert told != said
    assert not re.search(r"\b(the|of|and|for)\b", told)
    decimals = re.sub(r"0\.(\d+)", r"0,\1", said)
    assert sorted(re.findall(r"\d+(?:,\d+)?", told)) == sorted(re.findall(r"\d+(?:,\d+)?", decimals))


def test_what_an_imported_card_says_in_words_of_its_own_stays() -> None:
    with override("de"):
        assert card_words.tell("the images of our own clinic") == "the images of our own clinic"


def test_places_and_labels_are_named_as_everywhere() -> None:
    with override("de"):
        told = card_words.tell(
            "sensitivity of at least 0.95, the positive zone for a specificity of at least 0.95, both on the "
            "validation part (ieee8023: 38 images of covid in 28 groups, 19 of other disease in 12 groups)"
        )
        assert "ieee8023: 38 Bilder zu „COVID-19-Muster“" in told
        assert card_words.tell("the images of a, b and c in the test part") == "den Bildern von a, b und c im Testteil"
