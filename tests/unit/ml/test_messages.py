"""Every refusal has a sentence of its own, and it survives being sent to another process."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from ml.gate import refusal
from ml.imaging import Fact, ImageRefused, facts, sentences
from ml.messages import sentence_key

TABLES = {**sentences.SENTENCES, **sentences.FORMER_SENTENCES, **facts.SENTENCES, **refusal.SENTENCES}
IMAGING = Path(sentences.__file__).parent


@pytest.mark.parametrize("key", TABLES)
def test_a_template_is_one_whole_sentence(key: str) -> None:
    assert re.fullmatch(r"[A-Z][^{}]+\.", TABLES[key])
    assert "%" not in re.sub(r"%\((\w+)\)[ds]", "", TABLES[key])


def test_every_code_that_is_raised_has_a_sentence_and_the_other_way_round() -> None:
    source = "".join(path.read_text() for path in IMAGING.glob("*.py"))
    raised = set(re.findall(r'ImageRefused\(\s*"([a-z0-9-]+)"', source))
    known = {key.split("/")[0] for key in sentences.SENTENCES if not key.startswith("is-")}
    assert raised == known


def test_every_reason_that_is_given_has_a_sentence_and_the_other_way_round() -> None:
    source = "".join((IMAGING / name).read_text() for name in ("role.py", "development.py", "raster.py"))
    given = set(re.findall(r'not_classified\("(\w+)"\)', source)) | set(re.findall(r'Role\.[A-Z]+: "(\w+)"', source))
    given |= set(re.findall(r'variant = "(\w+)"', source))
    assert {f"not_classified/{variant}" for variant in given} == {k for k in facts.SENTENCES if k.startswith("not_")}


def test_whatever_is_refused_of_ct_is_said_of_a_slice_among_others_too() -> None:
    """Without advice to upload something: whoever reads it did not upload that slice by itself."""
    of_ct = {key.split("/")[0] for key in refusal.SENTENCES if not key.endswith("/cxr")} - {"lateral"}
    assert of_ct == set(refusal.OF_A_SLICE)
    for code, sentence in refusal.OF_A_SLICE.items():
        assert sentence.startswith("Not part of the result: ")
        assert "upload" not in sentence
        key = sentence_key(code, refusal.params_of_a_slice(code, {"variant": "ct"}))
        assert refusal.SENTENCES[key] == sentence
    assert refusal.params_of_a_slice("original_unreadable", {}) == {}


def test_whatever_is_refused_of_ct_is_said_of_a_whole_series_too() -> None:
    assert set(refusal.OF_A_SERIES) == set(refusal.OF_A_SLICE)
    for code, sentence in refusal.OF_A_SERIES.items():
        assert sentence.startswith("No slice of this study was classified. The reason for %(count)d of %(slices)d: ")
        assert sentence.count("upload") <= 1 and "this CT slice" not in sentence
        params = refusal.params_of_a_series(code, {"variant": "ct"}, count=2, slices=3)
        assert (params["count"], params["slices"]) == (2, 3)
        assert refusal.SENTENCES[sentence_key(code, params)] == sentence
    assert refusal.params_of_a_series("original_unreadable", {}, count=1, slices=1) == {}


def test_a_fact_without_its_sentence_is_a_defect() -> None:
    with pytest.raises(KeyError):
        Fact("unheard_of")


def test_a_refusal_can_be_pickled() -> None:
    refused = ImageRefused("too-small", width=10, height=20, side=144)
    again = pickle.loads(pickle.dumps(refused))
    assert (again.code, again.params, again.sentence) == (refused.code, refused.params, refused.sentence)
    assert "10 x 20 pixels" in str(again)


@pytest.mark.parametrize(("code", "params"), [("unheard-of", {}), ("too-small", {"width": 1}), ("damaged", {})])
def test_a_refusal_without_its_sentence_is_a_defect(code: str, params: dict[str, int]) -> None:
    with pytest.raises(KeyError):
        ImageRefused(code, **params)
