"""Makes a language that shows what is not translated: accented, longer, in brackets. See with PSEUDO_LOCALE=1."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils.translation import to_locale

from portal import catalogues


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--into", type=Path, default=Path(settings.VAR_ROOT) / "locale", help="Where to write it.")

    def handle(self, *args: Any, into: Path, **options: Any) -> None:
        folder = into / to_locale(catalogues.PSEUDO) / "LC_MESSAGES"
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory() as collected:
            call_command("messages", into=Path(collected), language=[settings.LANGUAGE_CODE], verbosity=0)
            for domain in catalogues.DOMAINS:
                found = [*Path(collected).glob(f"*/LC_MESSAGES/{domain}.po"), *_of_others(domain)]
                made = catalogues.pseudo(map(catalogues.read, found))
                (folder / f"{domain}.mo").write_bytes(catalogues.compiled(made))
                self.stdout.write(f"{domain}: {len(made)} sentences")


def _of_others(domain: str) -> list[Path]:
    """The English catalogues of Django and of the apps that speak on our pages."""
    roots = [Path(django.__file__).parent / "conf", *(Path(app.path) for app in apps.get_app_configs())]
    return [path for root in roots if (path := root / "locale" / "en" / "LC_MESSAGES" / f"{domain}.po").exists()]
