"""Collects every sentence of the sources into locale/, and compiles what translators wrote there."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import chdir
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.commands import makemessages
from django.utils.translation import to_locale

from portal import catalogues

# Texts of people who work on the portal, not of those who work with it: the launcher's terminal, demonstration data.
# Of ml, the sentences that refuse an image are read.
IGNORED = [
    *(
        "ml/training/*",
        "ml/gate/training/*",
        "ml/importing/*",
        "ml/keras2/*",
        "ml/onnx/*",
        "ml/serving/*",
        "ml/weights/*",
        "ml/__main__.py",
    ),
    *("tests/*", "docs/*", "tools/*", "requirements/*", "var/*", "docker/*", "node_modules/*"),
    *("portal/demo/*", "portal/embedded/*", "*/migrations/*", "*/management/*"),
]


class Command(makemessages.Command):
    help = __doc__ or ""
    # The order of a file's messages follows its source, not the day's; line numbers would change with every edit.
    xgettext_options = [*makemessages.Command.xgettext_options, "--sort-by-file"]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--into", type=Path, default=settings.LOCALE_PATHS[0], help="Folder of the catalogues.")
        parser.add_argument("--language", action="append", help="A code of LANGUAGES; default: all but the source.")

    def handle(self, *args: Any, into: Path, language: list[str] | None, **options: Any) -> None:
        self.into = into.absolute()
        into.mkdir(parents=True, exist_ok=True)
        languages = language or [code for code in catalogues.languages() if code != settings.LANGUAGE_CODE]
        with chdir(settings.BASE_DIR):
            for domain in catalogues.DOMAINS:
                super().handle(*args, **options, **self._asked(domain, languages))
        for path in sorted(into.glob("*/LC_MESSAGES/*.po")):
            catalogues.with_plain_head(path)
            catalogues.compile(path)

    def _asked(self, domain: str, languages: list[str]) -> dict[str, Any]:
        return {
            "domain": domain,
            "locale": [to_locale(code) for code in languages],
            "exclude": [],
            "all": False,
            "extensions": ["html", "txt", "py", "svg"] if domain == "django" else ["js"],
            "symlinks": False,
            "ignore_patterns": list(IGNORED),
            "use_default_ignore_patterns": True,
            "no_wrap": False,
            "no_location": False,
            "add_location": "file",
            "no_obsolete": True,
            "keep_pot": False,
        }

    def find_files(self, root: str) -> list[Any]:
        """All sources into one catalogue a domain, wherever it lies."""
        found: list[Any] = super().find_files(root)
        self.locale_paths = [str(self.into)]
        for file in found:
            file.locale_dir = str(self.into)
        return found
