"""The catalogues in locale/ hold what the sources say, and the pseudo-locale changes all of it but its placeholders."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.conf import settings
from django.core.management import call_command
from django.utils import translation

from portal import catalogues

CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
KEPT = [
    path for code in catalogues.languages() if code != settings.LANGUAGE_CODE for path in [translation.to_locale(code)]
]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make messages` finds in the sources today."""
    if shutil.which("xgettext") is None:
        reason = "There is no xgettext to collect sentences with: apt-get install gettext."
        if CI:
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("locale")
    call_command("messages", into=folder, verbosity=0)
    return folder


def committed(locale: str, domain: str, ending: str = "po") -> Path:
    path = Path(settings.LOCALE_PATHS[0]) / locale / "LC_MESSAGES" / f"{domain}.{ending}"
    if not path.exists():
        pytest.skip(f"{path.name} of {locale} is not collected yet: make messages")
    return path


@pytest.mark.parametrize("domain", catalogues.DOMAINS)
@pytest.mark.parametrize("locale", KEPT)
def test_the_catalogues_hold_what_the_sources_say(collected: Path, locale: str, domain: str) -> None:
    kept = catalogues.message_keys(catalogues.read(committed(locale, domain)))
    found = catalogues.message_keys(catalogues.read(collected / locale / "LC_MESSAGES" / f"{domain}.po"))
    assert kept == found, "the sources have changed: make messages"


@pytest.mark.parametrize("domain", catalogues.DOMAINS)
@pytest.mark.parametrize("locale", KEPT)
def test_what_is_read_is_what_was_translated(locale: str, domain: str) -> None:
    kept = committed(locale, domain, "mo").read_bytes()
    assert kept == catalogues.compiled(catalogues.read(committed(locale, domain))), "make messages"


@pytest.mark.parametrize("domain", catalogues.DOMAINS)
@pytest.mark.parametrize("locale", KEPT)
def test_a_translation_keeps_placeholders_and_markup(locale: str, domain: str) -> None:
    for message in catalogues.read(committed(locale, domain)):
        if not message.id or message.fuzzy:
            continue
        singular, *plural = [message.id] if isinstance(message.id, str) else message.id
        said = [message.string] if isinstance(message.string, str) else message.string
        for source, text in zip([singular, *plural * (len(said) - 1)], said, strict=True):
            assert not text or _kept(text) == _kept(source), (source, text)


def _kept(text: str) -> list[str]:
    return sorted(one for one in catalogues.KEPT.findall(text) if one != "\n")


def test_sentences_of_python_and_templates_are_collected(collected: Path) -> None:
    catalog = catalogues.read(collected / "de" / "LC_MESSAGES" / "django.po")
    found = {forms[0] for _context, forms in catalogues.message_keys(catalog)}
    assert {"Time zone", "Go to the home page"} <= found


def test_collecting_twice_changes_nothing(collected: Path) -> None:
    before = {path: path.read_bytes() for path in collected.rglob("*.?o")}
    call_command("messages", into=collected, verbosity=0)
    assert {path: path.read_bytes() for path in collected.rglob("*.?o")} == before


@pytest.mark.parametrize("kept", ["%(count)d", "%s", "{name}", "<b>", '<a href="/x/">', "&amp;", "100 %%"])
def test_placeholders_and_markup_stay(kept: str) -> None:
    made = catalogues.pseudo_text(f"Sign {kept} in")
    assert kept in made
    assert "Sign" not in made
    assert made.startswith("⟦")
    assert made.endswith("⟧")


@pytest.mark.parametrize(
    "text", ["Scans", "Your role does not allow it.", "A sentence\nof two lines with %(placeholder)s."]
)
def test_it_is_about_a_third_longer(text: str) -> None:
    assert 1.3 * len(text) <= len(catalogues.pseudo_text(text)) - 2 + len("%(placeholder)s") <= 1.6 * len(text) + 20


def test_plurals_have_both_forms() -> None:
    source = Catalog()
    source.add(("one scan", "%(count)d scans"), context="queue", flags={"python-format"})
    (message,) = (one for one in catalogues.pseudo([source]) if one.id)
    assert message.context == "queue"
    assert message.string == (catalogues.pseudo_text("one scan"), catalogues.pseudo_text("%(count)d scans"))


def test_the_pseudo_locale_speaks_for_us_and_for_django(tmp_path: Path, settings: object) -> None:
    if shutil.which("xgettext") is None and not CI:
        pytest.skip("There is no xgettext to collect sentences with: apt-get install gettext.")
    call_command("pseudo_locale", into=tmp_path, verbosity=0)
    settings.LANGUAGES = [*settings.LANGUAGES, (catalogues.PSEUDO, "Pseudo")]  # type: ignore[attr-defined]
    settings.LOCALE_PATHS = [*settings.LOCALE_PATHS, tmp_path]  # type: ignore[attr-defined]
    with translation.override(catalogues.PSEUDO):
        for sentence in ("Time zone", "This field is required."):
            assert translation.gettext(sentence) == catalogues.pseudo_text(sentence)
    assert translation.gettext("Time zone") == "Time zone"
