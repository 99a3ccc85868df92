"""The translated sentences of the modules, as a page fetches them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django.fixtures import Settings

from portal import script_catalogue


@pytest.fixture
def german(tmp_path: Path, settings: Settings) -> Iterator[None]:
    """A catalogue of two sentences, in place of what is shipped."""
    catalogue = Catalog("de", domain="djangojs")
    catalogue.add("Loading the image …", "Das Bild wird geladen …")
    catalogue.add(("%(count)s file", "%(count)s files"), ("%(count)s Datei", "%(count)s Dateien"))
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "djangojs.mo").open("wb") as file:
        write_mo(file, catalogue)
    settings.LOCALE_PATHS = [tmp_path]
    forget()
    yield
    forget()


def forget() -> None:
    script_catalogue.script.cache_clear()
    script_catalogue.digest.cache_clear()


@pytest.mark.django_db
def test_every_page_loads_it_before_its_modules(client: Client) -> None:
    page = client.get(reverse("account_login")).content.decode()
    address = f'<script src="{script_catalogue.address()}" defer></script>'
    assert address in page
    assert 'type="module"' not in page.partition(address)[0]


@pytest.mark.django_db
def test_strangers_may_have_it_and_keep_it(client: Client) -> None:
    answer = client.get(script_catalogue.address())
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert b"django.gettext" in answer.content


@pytest.mark.django_db
@pytest.mark.usefixtures("german")
def test_each_language_has_its_own_address_and_sentences(client: Client) -> None:
    english = script_catalogue.address()
    with translation.override("de"):
        german = script_catalogue.address()
    assert english != german
    text = client.get(german).content.decode()
    assert "Das Bild wird geladen" in text
    assert "%(count)s Dateien" in text
    assert "Dateien" not in client.get(english).content.decode()


@pytest.mark.django_db
def test_the_text_of_another_version_is_not_kept(client: Client) -> None:
    address = reverse("script_catalogue", args=("en-gb", "0" * 12))
    assert client.get(address).headers["Cache-Control"] == "no-cache"


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["xx", "../en", "en-gb'"])
def test_an_unknown_language_is_not_found(client: Client, language: str) -> None:
    assert client.get(f"/jsi18n/{language}/0.js").status_code == 404
