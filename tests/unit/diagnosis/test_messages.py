"""What is stored of a sentence says it again, in the language of whoever reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.utils import translation
from django.utils.translation import gettext_noop

from diagnosis import messages
from diagnosis.errors import AnalysisFailed, FileRefused, Refusal
from ml.gate.kinds import Kind
from ml.gate.refusal import SENTENCES as OF_THE_GATE
from ml.gate.refusal import explain
from ml.imaging.sentences import SENTENCES as OF_FILES
from ml.spec import Modality


def values(template: str) -> dict[str, str | int]:
    return {name: 7 if kind == "d" else "x" for name, kind in re.findall(r"%\((\w+)\)([ds])", template)}


@pytest.mark.parametrize("key", messages.SENTENCES)
def test_every_sentence_is_filled_from_its_code_and_parameters(key: str) -> None:
    code, _, variant = key.partition("/")
    params = values(messages.SENTENCES[key]) | ({"variant": variant} if variant else {})
    assert messages.sentence(code, params) == messages.SENTENCES[key] % params


def test_one_code_never_says_two_things() -> None:
    for key in {key.replace("-", "_") for key in OF_FILES} & set(OF_THE_GATE):
        assert messages.SENTENCES[key] == OF_THE_GATE[key] == OF_FILES[key.replace("_", "-")]


@pytest.mark.parametrize("modality", Modality)
@pytest.mark.parametrize("kind", Kind)
def test_what_the_gate_refuses_is_said_again_from_the_row(kind: Kind, modality: Modality) -> None:
    refused = explain(kind, modality)
    failure = AnalysisFailed(refused.code, refused.params, retryable=False)
    assert failure.sentence == messages.sentence(failure.code, failure.stored.params) == refused.sentence


def test_an_older_sentence_stays_and_an_unknown_code_breaks_nothing() -> None:
    assert messages.sentence("blank", {"sentence": "As it was said."}) == "As it was said."
    assert "from_the_future" in messages.sentence("from_the_future", {})
    assert "too_small" in messages.sentence("too_small", {"width": 3})


def test_notes_by_people_stay_as_they_are() -> None:
    assert messages.note("100 % sure, see chart", {}) == "100 % sure, see chart"
    assert messages.note("worker_lost", {"worker": "w 7"}) == "w 7 was lost"
    assert messages.note("", {}) == ""


@pytest.fixture
def german(tmp_path: Path, settings: Any) -> None:
    """A catalogue of one sentence, in place of what is shipped."""
    catalogue = Catalog("de")
    catalogue.add(OF_FILES["empty"], "Diese Datei ist leer.")
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalogue)
    settings.LOCALE_PATHS = [tmp_path]


@pytest.mark.usefixtures("german")
def test_a_refusal_speaks_the_language_of_the_moment() -> None:
    refusals = (FileRefused("empty"), Refusal("x", gettext_noop(OF_FILES["empty"])))
    with translation.override("de"):
        assert [str(refusal) for refusal in refusals] == ["Diese Datei ist leer."] * 2
    assert [refusal.sentence for refusal in refusals] == [OF_FILES["empty"]] * 2
