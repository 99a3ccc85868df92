"""Ask the worklists of the ordering systems now: `python manage.py ask_worklists`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from orders import modality_worklist
from orders.models import OrderSource


class Command(BaseCommand):
    help = "Ask the modality worklists of the ordering systems, and take over what they have scheduled."

    def handle(self, *args: Any, **options: Any) -> None:
        for source in OrderSource.objects.with_worklist().select_related("clinic", "account"):
            changed = modality_worklist.ask(source)
            source.refresh_from_db(fields=["failure"])
            self.stdout.write(f"{source}: {changed} orders are new or changed. {source.failure}".rstrip())
