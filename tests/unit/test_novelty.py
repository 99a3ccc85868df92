"""What the browser need not open again when the pages are walked for what is not translated."""

import pytest

from tests.functional.novelty import Novelty, Parts

PAGE = (
    '<p>⟦Öne~⟧ 3 of Berg, Alma</p><a href="/x/" title="⟦Öpen~⟧" data-when="2026-11-27">⟦Tŵö~⟧</a>'
    '<script src="/a.js"></script>'
)


@pytest.fixture
def walked() -> Novelty:
    novelty = Novelty()
    novelty.remember("page", Parts(PAGE, ["Berg, Alma"]))
    return novelty


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("3 of", "17 of"),
        ("Berg, Alma", "Adler, Otto"),
        ('href="/x/"', 'href="/y/"'),
        ("2026-11-27", "2027-01-01"),
        (PAGE, PAGE + PAGE),
    ],
)
def test_another_key_name_or_time_is_nothing_new(walked: Novelty, old: str, new: str) -> None:
    assert not walked.is_new("page", Parts(PAGE.replace(old, new), ["Berg, Alma", "Adler, Otto"]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</p>", "</p>One sentence."),
        ("⟦Tŵö~⟧", "Two"),
        ("⟦Öpen~⟧", "Open"),
        ("data-when", "data-until"),
        ("<p>", "<p hidden>"),
        ("/a.js", "/b.js"),
        ("</script>", "say('Words')</script>"),
        ("2026-11-27", "Tuesday"),
    ],
)
def test_another_word_element_or_script_is_new(walked: Novelty, old: str, new: str) -> None:
    assert walked.is_new("page", Parts(PAGE.replace(old, new), ["Berg, Alma"]))


def test_another_page_finds_the_texts_known_and_not_the_elements(walked: Novelty) -> None:
    assert walked.is_new("other", Parts("<p>⟦Tŵö~⟧</p>", []))
    walked.remember("other", Parts("<p>⟦Thŕéé~⟧</p>", []))
    assert not walked.is_new("other", Parts("<p>⟦Tŵö~⟧</p>", []))
