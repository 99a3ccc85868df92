"""The files as production serves them: named by content, each reference resolved."""

import json
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from pytest_django.fixtures import Settings

from portal.embedded import static_files

REAL = {"BACKEND": "portal.static_storage.StaticStorage"}


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": REAL}
    return tmp_path / "static"


def test_every_reference_of_every_file_is_found(root: Path) -> None:
    call_command("collectstatic", interactive=False, verbosity=0)
    assert json.loads((root / "staticfiles.json").read_text())["paths"]


def test_collected_again_only_after_a_change(root: Path, tmp_path: Path, settings: Settings) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.css").write_text("a { color: red }")
    settings.STATICFILES_DIRS = [own]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    finders.get_finder.cache_clear()
    try:
        assert static_files.collect_when_stale()
        assert not static_files.collect_when_stale()
        (own / "a.css").write_text("a { color: darkred }")
        assert static_files.collect_when_stale()
    finally:
        finders.get_finder.cache_clear()
