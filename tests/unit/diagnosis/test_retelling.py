"""What was kept in English is told in the reader's language only where a template says exactly that."""

from __future__ import annotations

import re

import pytest
from django.utils.translation import gettext, override

from diagnosis import messages
from diagnosis.results import retold
from diagnosis.results.retelling import Retelling
from ml.gate.refusal import SENTENCES as OF_THE_GATE

VALUES = {"d": 7, "s": "panel-cxr 4.1.0"}


def filled(template: str) -> dict[str, int | str]:
    return {name: VALUES[kind] for name, kind in re.findall(r"%\((\w+)\)([ds])", template)}


@pytest.mark.parametrize("template", sorted(set(messages.SENTENCES.values())))
def test_every_sentence_of_the_table_can_be_told_again(template: str) -> None:
    kept = template % filled(template)
    assert retold.sentence(kept) == kept
    with override("de"):
        assert retold.sentence(kept) == gettext(template) % filled(template)


BLURRED = OF_THE_GATE["blurred"]


@pytest.mark.parametrize("kept", ["", "What nobody here ever said.", f"It was said: {BLURRED}", f"{BLURRED} And more."])
def test_what_no_template_says_stays_as_it_was_kept(kept: str) -> None:
    with override("de"):
        assert retold.sentence(kept) == kept


def test_sentences_that_were_kept_together_are_told_one_by_one() -> None:
    with override("de"):
        told = retold.sentences("vgg16-cxr is switched off. vgg19-cxr 4.1.0 is not installed. It rains.")
    assert told == "vgg16-cxr ist ausgeschaltet. vgg19-cxr 4.1.0 ist nicht installiert. It rains."


def test_a_number_is_told_as_a_number_and_a_name_twice_as_one() -> None:
    with override("de"):
        assert Retelling(["%(count)d %% of %(name)s, %(name)s"]).tell("7 % of a b, a b") == "7 % of a b, a b"
        assert Retelling(["%(count)d images"]).tell("some images") == "some images"
